"""Whatever the order in which nights are loaded, the same tables come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from lakes import ACCEPT_SHRINK, Lake, LakeMaker, assert_equals_reference_of
from packs import packed_nights
from reference.cases import calendar_rows, write_nights

# The windows overlap, so later nights correct what earlier ones told; a year ends between them, and
# cuts a week in two. The second night has no manifest: it covers the dates that occur in it.
NIGHTS = [date(2028, 12, 29), date(2029, 1, 1), date(2029, 1, 3)]
OLDEST, MIDDLE, NEWEST = NIGHTS
MONDAY = 0
EXAMPLES = 60


@dataclass(frozen=True)
class Loaded:
    """A lake into which the oldest night came last, after the others in their order."""

    lake: Lake
    landing: Path


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three nights of random rows, packed, with the line ends of Windows."""
    folder = tmp_path_factory.mktemp("restatement") / "landing"
    first, last = OLDEST - timedelta(days=40), NEWEST + timedelta(days=9)
    calendar = calendar_rows(first, last, MONDAY, split_years=True)
    nights = packed_nights(calendar, NIGHTS, EXAMPLES, with_manifest=(OLDEST, NEWEST))
    write_nights(folder, nights, gzip=True, newline="\r\n")
    return folder


@pytest.fixture(scope="module")
def loaded(lake_in: LakeMaker, landing: Path) -> Iterator[Loaded]:
    """All nights; what the two newer ones come to is compared before the oldest comes."""
    with lake_in(landing.parent / "one by one") as lake:
        lake.load(landing, MIDDLE, NEWEST, limits=ACCEPT_SHRINK)
        assert_equals_reference_of(lake, landing, MIDDLE, NEWEST)
        newer = len(lake.fact())
        lake.load(landing, OLDEST, limits=ACCEPT_SHRINK)
        assert EXAMPLES < newer < len(lake.fact())
        yield Loaded(lake, landing)


def test_nights_one_after_another_equal_the_reference_and_an_older_one_fills_what_they_left_open(
    loaded: Loaded,
) -> None:
    assert_equals_reference_of(loaded.lake, loaded.landing)


def test_a_full_refresh_equals_nights_one_after_another(
    loaded: Loaded, lake_in: LakeMaker, tmp_path: Path
) -> None:
    with lake_in(tmp_path / "lake") as lake:
        lake.full_refresh(loaded.landing)
        assert lake.contents() == loaded.lake.contents()


def test_the_same_night_twice_changes_nothing_and_publishes_no_week_again(loaded: Loaded) -> None:
    contents, folders = loaded.lake.contents(), loaded.lake.week_folders()
    loaded.lake.load(loaded.landing, NEWEST, limits=ACCEPT_SHRINK)
    assert loaded.lake.contents() == contents
    assert loaded.lake.week_folders() == folders
