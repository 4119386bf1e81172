"""What a person may set for one run, and how it reaches the run's request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from domains import RETAIL
from dumps import LOAD_DATE, night_tables
from reference.cases import write_dump

from sandbox.__main__ import main
from shelfweek.engine import Engine
from shelfweek.landing import Landing
from shelfweek.limits import Limits, LimitsError, share_of
from shelfweek.night import DbtProject, Invocation, register
from shelfweek.rejects import Again


@dataclass
class Recorder(DbtProject):
    """Notes what dbt is asked for instead of asking it."""

    request: dict[str, Any] = field(default_factory=dict)

    def invoke(self, *arguments: str, on_event: Callable[[Any], None] | None = None) -> Invocation:
        """Take the request of register_run."""
        self.request = json.loads(arguments[-1])["request"]
        return Invocation(True, None, ())


@pytest.mark.parametrize("text", ["0", "0.05", "1", "1e-2"])
def test_a_share_is_exact(text: str) -> None:
    assert share_of(text) == Decimal(text)


@pytest.mark.parametrize("text", ["-0.1", "1.01", "5%", "5", "", "nan", "inf", "0,05"])
def test_a_share_outside_of_0_to_1_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(LimitsError, match=r"between 0 and 1: 0\.05 is 5 %"):
        share_of(text)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), {"max_rejected_share": None, "accept_shrink": False}),
        (Limits(Decimal("0.05")), {"max_rejected_share": "0.05", "accept_shrink": False}),
        (Limits(Decimal("1E-7"), True), {"max_rejected_share": "0.0000001", "accept_shrink": True}),
    ],
)
def test_limits_are_part_of_the_request(
    tmp_path: Path, limits: Limits, expected: dict[str, object]
) -> None:
    write_dump(tmp_path / "landing", LOAD_DATE, night_tables())
    landing = Landing.scan(str(tmp_path / "landing"), RETAIL)
    project = Recorder(Engine(), tmp_path)
    register(
        [landing.open_night(LOAD_DATE)],
        landing,
        project,
        f"file:{tmp_path}/lake",
        limits=limits,
    )
    assert project.request["limits"] == expected


def test_a_wrong_share_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    with pytest.raises(SystemExit) as ended:
        main(["run", "--lake", str(lake), "--max-rejected-share", "5"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: argument --max-rejected-share: max_rejected_share 5 is not between 0 and 1: "
        "0.05 is 5 %\n"
    )
    assert not lake.exists()


def test_a_run_is_told_with_all_that_it_was_started_with() -> None:
    limits = Limits(accept_shrink=True)
    again = Again("retail", "/l", "/my lake", date(2026, 1, 14), True, limits)
    command = (
        'make run LANDING=/l LAKE="/my lake" LOAD_DATE=2026-01-14 FULL_REFRESH=1 ACCEPT_SHRINK=1 '
        "MAX_REJECTED_SHARE=0.1"
    )
    assert again.command(Decimal("0.10")) == command
    assert replace(again, domain="shop").command(Decimal("0.10")) == f"{command} DOMAIN=shop"
