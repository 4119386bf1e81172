"""A lake over some months: a failed night, a watching reader, a rollback, an export, sweeping.

The steps build on each other and are slow, so one fixture takes them all and notes what it saw;
the tests look at its notes.
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
from domains import RETAIL
from dumps import night_tables, sale, stock
from lakes import (
    FACT,
    Lake,
    LakeMaker,
    counts_of,
    expected_counts,
    fact_differences,
    rejects_of,
)
from reference import Reference, compute
from reference.cases import TextRow, calendar_rows, write_dump

from shelfweek.engine import Engine, Row
from shelfweek.lake import LakeError, export, loaded_nights, rollback
from shelfweek.night import NightError

FIRST, FAILED, GOOD = date(2026, 1, 14), date(2026, 1, 15), date(2026, 1, 16)
# More than keep_days after the others.
MUCH_LATER = GOOD + timedelta(days=40)
STORES = range(1, 6)

Contents = dict[str, list[Row]]
# Per week: row count and sums, what a reader would notice of half a week.
Weeks = dict[date, tuple[int, Decimal, Decimal]]


@dataclass
class Watcher:
    """A reader with a session of its own that asks for every week, over and over."""

    engine: Engine
    seen: list[Weeks] = field(default_factory=list)
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
            with self.engine.session() as session:
                while not ended.is_set():
                    rows = session.query(
                        "select week_end_date, count(*) as row_count, sum(total_sales_amt) as amt, "
                        "sum(coalesce(week_end_on_hand_qty, 0)) as on_hand "
                        f"from {self.engine.marts(RETAIL.name, FACT)} group by week_end_date"
                    )
                    self.seen.append(weeks_of(rows))
        except Exception as error:  # A reader must never see an error.
            self.error = error


def weeks_of(rows: list[Row]) -> Weeks:
    """The rows of the watcher's query."""
    return {
        date.fromisoformat(str(row["week_end_date"])): (
            row["row_count"],
            row["amt"],
            row["on_hand"],
        )
        for row in rows
    }


def weeks_in(fact: list[Row]) -> Weeks:
    """What the watcher's query gives for a fact."""
    weeks: Weeks = {}
    for row in fact:
        count, amt, on_hand = weeks.get(row["week_end_date"], (0, Decimal(0), Decimal(0)))
        weeks[row["week_end_date"]] = (
            count + 1,
            amt + row["total_sales_amt"],
            on_hand + (row["week_end_on_hand_qty"] or 0),
        )
    return weeks


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
    good_counts: object
    good_rejects: object
    expected: Reference
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
def notes(lake_in: LakeMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    """All steps, in their order."""
    folder = tmp_path_factory.mktemp("life")
    landing = folder / "landing"
    _write(landing, FIRST, 0)
    _write(landing, FAILED, 1, bad_rows=10)
    _write(landing, GOOD, 2)
    _write(landing, MUCH_LATER, 3)
    with lake_in(folder / "my lake") as lake:
        lake.load(landing, FIRST)
        first, folders = lake.contents(), lake.week_folders()

        with pytest.raises(NightError) as failure:
            lake.load(landing, FAILED)
        rejects = pasted(str(failure.value), lake)
        after_failure = lake.contents()
        folders_unmoved = lake.week_folders() == folders

        watcher = Watcher(lake.engine)
        with watcher.watching():
            lake.load(landing, GOOD)
        good, good_counts, good_rejects = lake.contents(), counts_of(lake), rejects_of(lake)

        undone = rollback(lake.engine, RETAIL, GOOD)
        rolled_back, nights = lake.contents(), loaded_nights(lake.engine, RETAIL)
        lake.load(landing, GOOD)
        loaded_again = lake.contents()

        leftovers = [
            lake.home / "marts" / FACT / ".spark-staging-killed",
            lake.home / "staging" / "base_retail__sales_loads" / ".spark-staging-killed",
        ]
        for leftover in leftovers:
            leftover.mkdir()
            (leftover / "part-0.parquet").write_bytes(b"half a file")
        before_sweep = _folders(lake)
        lake.load(landing, MUCH_LATER)
        with pytest.raises(LakeError) as too_late:
            rollback(lake.engine, RETAIL, GOOD)
        yield Notes(
            first=first,
            failure=str(failure.value),
            rejects=rejects,
            after_failure=after_failure,
            folders_unmoved=folders_unmoved,
            watcher=watcher,
            good=good,
            good_counts=good_counts,
            good_rejects=good_rejects,
            expected=compute(landing, [FIRST, GOOD]),
            undone=undone,
            nights_after_rollback=nights,
            rolled_back=rolled_back,
            loaded_again=loaded_again,
            much_later=lake.contents(),
            exported=folder / "an export",
            export_counts=export(lake.engine, RETAIL, f"file:{folder / 'an export'}"),
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


def _write(landing: Path, load_date: date, version: int, bad_rows: int = 0) -> None:
    """A night whose every store has sales and stock on each of the last twenty days."""
    days = [(load_date - timedelta(days=age)).isoformat() for age in range(1, 21)]
    sales: list[TextRow | str] = [
        sale(day, "2", str(10 + store + version), store=store) for day in days for store in STORES
    ]
    inventory: list[TextRow | str] = [
        stock(day, str(version + 1), store=store) for day in days[::3] for store in STORES
    ]
    bad: list[TextRow | str] = [
        sale(days[0], "no number", "1", trans_id=100 + number) for number in range(bad_rows)
    ]
    tables = night_tables([*sales, *bad], inventory, STORES)
    tables["calendar"] = [*calendar_rows(date(2025, 11, 30), date(2026, 4, 4))]
    write_dump(landing, load_date, tables)


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
    assert "sales of 2026-01-15: 10 of 110 rows were rejected, 9.09 %" in notes.failure
    assert "10 bad_value in SALES_QTY:" in notes.failure
    examples = [line for line in notes.failure.splitlines() if "sales_20260115.csv" in line]
    assert len(examples) == 3
    assert all("no number" in line for line in examples)
    assert "Traceback" not in notes.failure


def test_the_query_that_is_printed_shows_all_of_them(notes: Notes) -> None:
    assert [row["raw_row"].count("no number") for row in notes.rejects] == [1] * 10


def test_a_failed_night_leaves_every_published_table_as_it_was(notes: Notes) -> None:
    assert notes.after_failure == notes.first
    assert notes.folders_unmoved


def test_the_next_good_night_holds_nothing_of_the_failed_one(notes: Notes) -> None:
    differences = fact_differences(
        sorted(notes.good[FACT], key=lambda row: str(row)), notes.expected.fact
    )
    assert not differences, differences[:10]
    assert notes.good_counts == expected_counts(notes.expected)
    assert not notes.good_rejects


# --- a reader ------------------------------------------------------------------------------------


def test_a_reader_sees_every_week_whole_while_a_night_publishes(notes: Notes) -> None:
    watcher = notes.watcher
    assert watcher.error is None, watcher.error
    before, after = weeks_in(notes.first[FACT]), weeks_in(notes.good[FACT])
    changed = {week for week in before.keys() | after.keys() if before.get(week) != after.get(week)}
    assert len(changed) >= 3
    assert watcher.seen[0] == before
    assert len(watcher.seen) > 20
    for seen in watcher.seen:
        for week in before.keys() | after.keys():
            assert seen.get(week) in (before.get(week), after.get(week)), week


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
    assert "staging/base_retail__sales_loads/.spark-staging-killed" in gone
    dims = {folder for folder in notes.after_sweep if folder.startswith("marts/dim_store/")}
    # The current one, the one before it, for a rollback, and the empty one of the beginning.
    assert len(dims - {"marts/dim_store/empty"}) == 2
    runs = {folder for folder in notes.after_sweep if folder.startswith("intermediate/")}
    assert len(runs) == len({folder.split("/")[1] for folder in runs})


def test_a_sweep_deletes_nothing_that_a_reader_or_a_rollback_needs(notes: Notes) -> None:
    weeks = {row["week_end_date"] for row in notes.much_later[FACT]}
    assert {row["week_end_date"] for row in notes.good[FACT]} < weeks
    rollback(notes.lake.engine, RETAIL, MUCH_LATER)
    assert notes.lake.contents() == notes.good


# --- export --------------------------------------------------------------------------------------


def test_an_export_holds_the_published_tables(notes: Notes) -> None:
    assert {folder.name for folder in notes.exported.iterdir()} == set(RETAIL.published_tables)
    for table, rows in notes.much_later.items():
        read = duckdb.execute(f"select * from '{notes.exported}/{table}/*.parquet'")
        columns = [column[0] for column in read.description or ()]
        found = [dict(zip(columns, row, strict=True)) for row in read.fetchall()]
        assert notes.export_counts[table] == len(found) == len(rows)
        wanted_columns = rows[0].keys() if rows else set()
        kept = [{key: row[key] for key in wanted_columns} for row in found] if rows else []
        assert sorted(map(str, kept)) == sorted(map(str, rows)), table
