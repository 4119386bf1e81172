"""`airflow dags test` runs the whole DAG of a night, each dbt node as a dbt of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from domains import RETAIL
from lakes import Lake, fact_differences

from sandbox import airflow_server, emulated_account
from sandbox.emulated_account import LANDING_URI, EmulatedAccount
from sandbox.sample.__main__ import main as make_sample
from shelfweek.landing import Landing
from shelfweek.night import DbtProject
from shelfweek.project import PROJECT

LOAD_DATE = date(2026, 11, 20)
# Wherever it appears but in the environment of processes, a secret has leaked.
CANARY = "canary-secret-key-4711"


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One night, the same rows for both ways to load them."""
    folder = tmp_path_factory.mktemp("landing")
    sizes = ["--stores", "3", "--products", "8", "--days", "30", "--nights", "1"]
    make_sample(["--to", str(folder), *sizes, "--end", str(LOAD_DATE)])
    return folder


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, landing: Path) -> Iterator[EmulatedAccount]:
    """An account with the night's dump in its bucket."""
    with emulated_account.running(tmp_path_factory.mktemp("server")) as running:
        emulated_account.upload(running.aws.client("s3"), landing)
        yield running


def conf_of(landing: Path) -> dict[str, Any]:
    """What the readiness check would send."""
    files: dict[str, list[str]] = {}
    for file in Landing.scan(str(landing), RETAIL).open_night(LOAD_DATE).files:
        name = Path(file.path).relative_to(landing).as_posix()
        files.setdefault(file.table, []).append(f"{LANDING_URI}/{name}")
    folder = f"{LANDING_URI}/manifest/load_date={LOAD_DATE}"
    return {
        "load_date": str(LOAD_DATE),
        "landing_uri": LANDING_URI,
        "files": files,
        "manifest": f"{folder}/manifest_{LOAD_DATE:%Y%m%d}.json",
        "emr": {
            "release": "emr-7.13.0",
            "market": "ON_DEMAND",
            "primary_instance_type": "m7g.xlarge",
            "core_instance_type": "r7g.xlarge",
            "core_instance_count": 2,
            "task_instance_count": 0,
        },
    }


def files_with(text: str, *folders: Path) -> list[Path]:
    """Files below some folders that hold a text."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if text.encode() in path.read_bytes()]


def test_the_whole_dag_publishes_what_make_run_publishes(
    account: EmulatedAccount, landing: Path, tmp_path: Path
) -> None:
    variables = airflow_server.environment(
        tmp_path,
        {
            **account.variables,
            "SHELFWEEK_COSMOS_MODE": "local",
            "AWS_SECRET_ACCESS_KEY": CANARY,
        },
    )
    airflow_server.prepare(tmp_path, variables)
    airflow_server.make_manifest(account.thrift_address)
    program = [airflow_server.program("airflow")]
    done = subprocess.run(  # noqa: S603
        [*program, "dags", "test", "nightly_retail", "--conf", json.dumps(conf_of(landing))],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    (tmp_path / "output").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert account.clusters_alive() == []
    assert "Rows of the dumps" in done.stdout + done.stderr
    # Logs, XCom and all else in Airflow's database, dbt's logs and manifests.
    assert tmp_path / "airflow.db" in files_with("register_run", tmp_path)
    assert files_with(CANARY, tmp_path, PROJECT / "target", PROJECT / "logs") == []
    assert not [mail for mail in account.aws.mails() if CANARY in str(mail)]

    plain_engine = replace(account.engine, prefix="plain_")
    plain = Lake(plain_engine, tmp_path / "plain", DbtProject(plain_engine, tmp_path / "dbt"))
    plain.load(landing)
    through_airflow = Lake(account.engine, tmp_path, plain.project)
    assert len(plain.fact()) > 100
    assert fact_differences(through_airflow.fact(), plain.fact()) == []
    assert through_airflow.contents() == plain.contents()
