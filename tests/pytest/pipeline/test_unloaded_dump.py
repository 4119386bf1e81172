"""A night that Snowflake unloaded gives the fact of the files that Snowflake was filled from."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from accounts import BUCKET, MISSING, REASON, Account
from lakes import LakeMaker, assert_equals_reference
from reference import compute

from sandbox import aws, snowflake_server
from sandbox.sample.__main__ import main as write_sample

NIGHT = date(2026, 11, 20)


@pytest.mark.skipif(MISSING, reason=REASON)
def test_an_unloaded_night_gives_the_same_fact(lake_in: LakeMaker, tmp_path: Path) -> None:
    made = tmp_path / "made"
    write_sample(
        ["--to", str(made), "--clean", "--nights", "1", "--stores", "3", "--products", "10",
         "--days", "40", "--no-first-night-whole"]
    )  # fmt: skip
    with aws.running(["s3"]) as emulated, snowflake_server.running(emulated) as server:
        emulated.client("s3").create_bucket(Bucket=BUCKET)
        account = Account(server, emulated, "shop").with_settings(SNOWFLAKE_MAX_FILE_BYTES="20000")
        account.upload(made)
        for command in ("deploy", "load"):
            outcome = account.deploy(command)
            assert outcome.code == 0, outcome.errors
        outcome = account.unload(NIGHT)
        assert outcome.code == 0, outcome.errors
        unloaded = account.download(tmp_path / "unloaded")
    assert len(list(unloaded.glob("sales/*/*.csv"))) > 1

    with lake_in(tmp_path / "lake") as lake:
        lake.load(unloaded)
        expected = compute(made)
        assert expected.fact
        assert_equals_reference(lake, expected)
