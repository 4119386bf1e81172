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

# The windows overlap, so later nights correct what earlier ones told; a year and a week end between
# them. The second night has no manifest: it covers the dates that occur in it.
NIGHTS = [date(2028, 12, 29), date(2029, 1, 1), date(2029, 1, 3)]
OLDEST, MIDDLE, NEWEST = NIGHTS
EXAMPLES = 25


@dataclass(frozen=True)
class Loaded:
    """A lake into which all nights were loaded one after another, oldest first."""

    lake: Lake
    landing: Path


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three nights of random rows."""
    folder = tmp_path_factory.mktemp("restatement") / "landing"
    calendar = calendar_rows(OLDEST - timedelta(days=40), NEWEST + timedelta(days=9))
    nights = packed_nights(calendar, NIGHTS, EXAMPLES, with_manifest=(OLDEST, NEWEST))
    write_nights(folder, nights)
    return folder


@pytest.fixture(scope="module")
def loaded(lake_in: LakeMaker, landing: Path) -> Iterator[Loaded]:
    """The nights, one after another."""
    with lake_in(landing.parent / "one by one") as lake:
        lake.load(landing, limits=ACCEPT_SHRINK)
        yield Loaded(lake, landing)


def test_nights_one_after_another_equal_the_reference(loaded: Loaded) -> None:
    assert_equals_reference_of(loaded.lake, loaded.landing)


def test_a_full_refresh_equals_nights_one_after_another(
    loaded: Loaded, lake_in: LakeMaker, tmp_path: Path
) -> None:
    with lake_in(tmp_path / "lake") as lake:
        lake.full_refresh(loaded.landing)
        assert lake.contents() == loaded.lake.contents()


def test_an_older_night_after_a_newer_one_fills_only_what_the_newer_one_left_open(
    loaded: Loaded, lake_in: LakeMaker, tmp_path: Path
) -> None:
    with lake_in(tmp_path / "lake") as lake:
        lake.load(loaded.landing, NEWEST, OLDEST, MIDDLE, limits=ACCEPT_SHRINK)
        assert lake.contents() == loaded.lake.contents()


def test_the_same_night_twice_changes_nothing_and_publishes_no_week_again(loaded: Loaded) -> None:
    contents, folders = loaded.lake.contents(), loaded.lake.week_folders()
    loaded.lake.load(loaded.landing, NEWEST, limits=ACCEPT_SHRINK)
    assert loaded.lake.contents() == contents
    assert loaded.lake.week_folders() == folders
