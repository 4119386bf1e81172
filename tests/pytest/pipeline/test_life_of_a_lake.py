"""A lake over some months: a failed night, a watching reader, a rollback, an export, sweeping.

Domain toy: no rule of retail is at work. The steps build on each other and are slow, so one fixture
takes them all and notes what it saw; the tests look at its notes.
"""

from __future__ import annotations

import contextlib
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from lakes import Contents, Lake, LakeMaker
from toys import FACT, METERS, expect_whole_months, write_whole_months

from shelfweek.engine import Row
from shelfweek.lake import LakeError, export, loaded_nights, rollback
from shelfweek.night import NightError

FIRST, FAILED, GOOD = date(2026, 5, 5), date(2026, 5, 6), date(2026, 5, 7)
# More than keep_days after the others.
MUCH_LATER = GOOD + timedelta(days=40)
MONTHS = ["2026-01", "2026-02", "2026-03", "2026-04"]

# Per month: row count and sums, what a reader would notice of half a month.
Months = dict[str, tuple[int, int, Decimal]]


@dataclass
class Watcher:
    """A reader with a session of its own that asks for every month, over and over."""

    lake: Lake
    seen: list[Months] = field(default_factory=list)
    error: Exception | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for the length of a with block."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event) -> None:
        try:
            with self.lake.engine.session() as session:
                while not ended.is_set():
                    rows = session.query(
                        "select month, count(*) as row_count, sum(readings) as readings, "
                        f"sum(energy) as energy from {self.lake.published(FACT)} group by month"
                    )
                    self.seen.append(
                        {
                            str(row["month"]): (row["row_count"], row["readings"], row["energy"])
                            for row in rows
                        }
                    )
        except Exception as error:  # A reader must never see an error.
            self.error = error


def months_in(fact: list[Row]) -> Months:
    """What the watcher's query gives for a fact."""
    months: Months = {}
    for row in fact:
        count, readings, energy = months.get(str(row["month"]), (0, 0, Decimal(0)))
        months[str(row["month"])] = (
            count + 1,
            readings + row["readings"],
            energy + row["energy"],
        )
    return months


@dataclass
class Notes:
    """What was seen after each step."""

    first: Contents
    failure: str
    rejects: list[Row]
    after_failure: Contents
    folders_unmoved: bool
    watcher: Watcher
    good: Contents
    undone: list[Row]
    nights_after_rollback: list[date]
    rolled_back: Contents
    loaded_again: Contents
    much_later: Contents
    exported: Path
    export_counts: dict[str, int]
    before_sweep: set[str]
    after_sweep: set[str]
    too_late: str
    lake: Lake


@pytest.fixture(scope="module")
def notes(toy_lake_in: LakeMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    """All steps, in their order."""
    folder = tmp_path_factory.mktemp("life")
    landing = folder / "landing"
    write_whole_months(landing, FIRST, MONTHS)
    write_whole_months(landing, FAILED, MONTHS, bad_rows=10)
    write_whole_months(landing, GOOD, MONTHS)
    write_whole_months(landing, MUCH_LATER, [*MONTHS, "2026-05"])
    with toy_lake_in(folder / "my lake") as lake:
        lake.load(landing, FIRST)
        first, folders = lake.contents(), lake.folders(FACT)

        with pytest.raises(NightError) as failure:
            lake.load(landing, FAILED)
        rejects = pasted(str(failure.value), lake)
        after_failure = lake.contents()
        folders_unmoved = lake.folders(FACT) == folders

        watcher = Watcher(lake)
        with watcher.watching():
            lake.load(landing, GOOD)
        good = lake.contents()
        expect_whole_months(lake, [FIRST, GOOD], MONTHS)

        undone = rollback(lake.engine, lake.domain, GOOD)
        rolled_back, nights = lake.contents(), loaded_nights(lake.engine, lake.domain)
        lake.load(landing, GOOD)
        loaded_again = lake.contents()

        leftovers = [
            lake.home / "marts" / FACT / ".spark-staging-killed",
            lake.home / "staging" / "base_toy__reading_loads" / ".spark-staging-killed",
        ]
        for leftover in leftovers:
            leftover.mkdir()
            (leftover / "part-0.parquet").write_bytes(b"half a file")
        before_sweep = _folders(lake)
        lake.load(landing, MUCH_LATER)
        with pytest.raises(LakeError) as too_late:
            rollback(lake.engine, lake.domain, GOOD)
        yield Notes(
            first=first,
            failure=str(failure.value),
            rejects=rejects,
            after_failure=after_failure,
            folders_unmoved=folders_unmoved,
            watcher=watcher,
            good=good,
            undone=undone,
            nights_after_rollback=nights,
            rolled_back=rolled_back,
            loaded_again=loaded_again,
            much_later=lake.contents(),
            exported=folder / "an export",
            export_counts=export(lake.engine, lake.domain, f"file:{folder / 'an export'}"),
            before_sweep=before_sweep,
            after_sweep=_folders(lake),
            too_late=str(too_late.value),
            lake=lake,
        )


def pasted(failure: str, lake: Lake) -> list[Row]:
    """The rows of the query that a message tells to paste, as make and a shell hand it on."""
    (line,) = (line for line in failure.splitlines() if line.strip().startswith("make sql"))
    (query,) = (word for word in shlex.split(line) if word.startswith("Q="))
    return lake.engine.query(query.removeprefix("Q=").replace("$$", "$"))


def _folders(lake: Lake) -> set[str]:
    """The folders that a sweep may delete, relative to the domain's."""
    return {
        str(path.relative_to(lake.home))
        for layer in ("raw", "staging", "intermediate", "marts")
        for path in (lake.home / layer).glob("*/*")
        if path.is_dir()
    }


# --- a night that fails --------------------------------------------------------------------------


def test_too_many_rejects_stop_the_night_with_a_sentence(notes: Notes) -> None:
    assert "rejected share is within limit" in notes.failure
    assert "max_rejected_share" in notes.failure
    assert "reading of 2026-05-06: 10 of 50 rows were rejected, 20 %" in notes.failure
    assert "10 bad_value in ENERGY:" in notes.failure
    examples = [
        line for line in notes.failure.splitlines() if "reading_20260506_202604.csv" in line
    ]
    assert len(examples) == 3
    assert all("no number" in line for line in examples)
    assert "Traceback" not in notes.failure


def test_the_query_that_is_printed_shows_all_of_them(notes: Notes) -> None:
    assert [row["raw_row"].count("no number") for row in notes.rejects] == [1] * 10


def test_a_failed_night_leaves_every_published_table_as_it_was(notes: Notes) -> None:
    assert notes.after_failure == notes.first
    assert notes.folders_unmoved


def test_the_next_good_night_holds_nothing_of_the_failed_one(notes: Notes) -> None:
    """The fixture has compared its tables with what its dumps hold."""
    assert len(notes.good[FACT]) == len(METERS) * len(MONTHS)


# --- a reader ------------------------------------------------------------------------------------


def test_a_reader_sees_every_month_whole_while_a_night_publishes(notes: Notes) -> None:
    watcher = notes.watcher
    assert watcher.error is None, watcher.error
    before, after = months_in(notes.first[FACT]), months_in(notes.good[FACT])
    assert before.keys() == after.keys()
    assert all(before[month] != after[month] for month in before)
    assert watcher.seen[0] == before
    assert len(watcher.seen) > 20
    for seen in watcher.seen:
        assert seen.keys() == before.keys()
        for month in before:
            assert seen[month] in (before[month], after[month]), month


# --- back and forth ------------------------------------------------------------------------------


def test_a_rollback_brings_back_what_was_before_the_night(notes: Notes) -> None:
    assert notes.rolled_back == notes.first
    assert {row["last_load_date"] for row in notes.undone} in ({GOOD}, {GOOD.isoformat()})
    assert notes.nights_after_rollback == [FIRST]


def test_the_run_after_a_rollback_loads_the_night_again(notes: Notes) -> None:
    assert notes.loaded_again == notes.good


def test_a_rollback_too_far_back_says_so(notes: Notes) -> None:
    assert f"{GOOD} lies too far back" in notes.too_late


# --- sweeping ------------------------------------------------------------------------------------


def test_a_sweep_deletes_old_folders_and_leftovers_of_killed_runs(notes: Notes) -> None:
    gone = notes.before_sweep - notes.after_sweep
    assert f"marts/{FACT}/.spark-staging-killed" in gone
    assert "staging/base_toy__reading_loads/.spark-staging-killed" in gone
    dims = {folder for folder in notes.after_sweep if folder.startswith("marts/dim_meter/")}
    # The current one, the one before it, for a rollback, and the empty one of the beginning.
    assert len(dims - {"marts/dim_meter/empty"}) == 2
    runs = {folder for folder in notes.after_sweep if folder.startswith("intermediate/")}
    assert len(runs) == len({folder.split("/")[1] for folder in runs})


def test_a_sweep_deletes_nothing_that_a_reader_or_a_rollback_needs(notes: Notes) -> None:
    months = {row["month"] for row in notes.much_later[FACT]}
    assert {row["month"] for row in notes.good[FACT]} < months
    rollback(notes.lake.engine, notes.lake.domain, MUCH_LATER)
    assert notes.lake.contents() == notes.good


# --- export --------------------------------------------------------------------------------------


def test_an_export_holds_the_published_tables(notes: Notes) -> None:
    assert {folder.name for folder in notes.exported.iterdir()} == set(
        notes.lake.domain.published_tables
    )
    for table, rows in notes.much_later.items():
        read = duckdb.execute(f"select * from '{notes.exported}/{table}/*.parquet'")
        columns = [column[0] for column in read.description or ()]
        found = [dict(zip(columns, row, strict=True)) for row in read.fetchall()]
        assert notes.export_counts[table] == len(found) == len(rows)
        columns_of_rows = list(rows[0]) if rows else []
        kept = [[str(row[column]) for column in columns_of_rows] for row in found]
        assert sorted(kept) == sorted([*map(str, row.values())] for row in rows), table
