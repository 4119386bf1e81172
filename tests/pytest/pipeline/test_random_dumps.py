"""Random dumps, clean and dirty, come out as the independent reference says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from lakes import ACCEPT_SHRINK, Lake, assert_equals_reference
from packs import packed_nights
from reference import compute
from reference.cases import calendar_rows, write_nights

REASONS = {
    "malformed_row",
    "bad_value",
    "missing_key",
    "bad_flag",
    "conflicting_duplicate",
    "future_date",
    "unknown_calendar_date",
    "outside_covered_dates",
}


@pytest.mark.parametrize("week_starts_on", [pytest.param(3, id="weeks start on Thursday")])
def test_dirty_dumps_equal_the_reference(
    fresh_lake: Lake, tmp_path: Path, week_starts_on: int
) -> None:
    """Two nights with rows of every reason, over a leap day, one with a manifest, one without."""
    older, newer = date(2024, 3, 1), date(2024, 3, 4)
    calendar = calendar_rows(
        older - timedelta(days=40), newer + timedelta(days=6), week_starts_on, split_years=True
    )
    write_nights(
        tmp_path / "landing",
        packed_nights(calendar, [older, newer], 8, dirty=True, with_manifest=[newer]),
        bom=True,
        parts=2,
    )
    fresh_lake.full_refresh(tmp_path / "landing")
    expected = compute(tmp_path / "landing")
    assert {reject.reason for reject in expected.rejected} == REASONS
    assert_equals_reference(fresh_lake, expected)


def test_clean_dumps_equal_the_reference(fresh_lake: Lake, tmp_path: Path) -> None:
    """One night of many examples, weeks cut at New Year, in the middle of a week."""
    load_date = date(2026, 1, 6)
    calendar = calendar_rows(
        load_date - timedelta(days=40), load_date + timedelta(days=9), 0, split_years=True
    )
    write_nights(
        tmp_path / "landing", packed_nights(calendar, [load_date], 60), gzip=True, newline="\r\n"
    )
    fresh_lake.load(tmp_path / "landing", limits=ACCEPT_SHRINK)
    expected = compute(tmp_path / "landing")
    assert len(expected.fact) > 200
    assert_equals_reference(fresh_lake, expected)
