"""What is published is derived again from what lies staged: the dumps are gone, the models others.

Domain toy: its dates are months. Retail's weeks are rebuilt in test_old_lake.py. The steps build on
each other and are slow, so one fixture takes them all and notes what it saw.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from lakes import Contents, Lake, domains_in, without
from projects import change
from toys import FACT, project_with_toy, reading, write_toy_night

from shelfweek.domain import domain
from shelfweek.engine import Engine, Row
from shelfweek.lake import LakeError, expect_registered, rollback
from shelfweek.night import DbtProject, NightError
from shelfweek.rebuild import register_rebuild

FIRST, SECOND, THIRD = date(2026, 3, 5), date(2026, 4, 5), date(2026, 5, 5)
FROM = date(2026, 2, 10)
MONTHS_FROM_THEN_ON = {"2026-02-01", "2026-03-01"}
# No dump delivers it, so what is staged before it comes says nothing of it.
STAGED = "read_hour"
METRIC = "first_read_at"

CHANGES: dict[str, list[tuple[str, str]]] = {
    "models/staging/toy/base_toy__reading_loads.sql": [
        (
            "    readings.energy,\n",
            f"    readings.energy,\n    hour(readings.read_at) as {STAGED},\n",
        )
    ],
    "models/staging/toy/_toy__models.yml": [
        (
            "      - {name: is_estimated, data_type: int}\n",
            f"      - {{name: {STAGED}, data_type: int}}\n"
            "      - {name: is_estimated, data_type: int}\n",
        )
    ],
    "models/intermediate/toy/int_monthly_energy_aggregated.sql": [
        (
            "    max(readings.read_at)",
            f"    min(readings.read_at) as {METRIC},\n    max(readings.read_at)",
        )
    ],
    "models/marts/toy/fct_monthly_energy.sql": [
        ("    last_read_at,\n", f"    {METRIC},\n    last_read_at,\n")
    ],
    "models/marts/toy/_toy__marts.yml": [
        (
            "      - {name: last_read_at, data_type: timestamp}\n",
            f"      - {{name: {METRIC}, data_type: timestamp}}\n"
            "      - {name: last_read_at, data_type: timestamp}\n",
        )
    ],
}
"""What an analyst changes: a column more in the staged rows, and a metric more in the fact."""

# Each night replaces the month that the one before it was the first to have.
NIGHTS = {
    FIRST: {
        "meter": ["M-1;Mill"],
        "reading_202601": [reading("01-30", "1"), reading("01-31", "2", hour=9)],
        "reading_202602": [reading("02-01", "3")],
    },
    SECOND: {
        "meter": ["M-1;Mill", "M-2;Dam"],
        "reading_202602": [reading("02-01", "4"), reading("02-02", "5", meter="M-2")],
        "reading_202603": [reading("03-31", "6")],
    },
    THIRD: {
        "meter": ["M-1;Mill", "M-2;Dam"],
        "reading_202603": [reading("03-30", "7")],
        "reading_202604": [reading("04-30", "8")],
    },
}


# Meter, month, readings, energy, first reading.
AFTER_THIRD = {
    ("M-1", "2026-01-01", 2, "3.000", "2026-01-30 08:30:00"),
    ("M-1", "2026-02-01", 1, "4.000", "2026-02-01 08:30:00"),
    ("M-2", "2026-02-01", 1, "5.000", "2026-02-02 08:30:00"),
    ("M-1", "2026-03-01", 1, "7.000", "2026-03-30 08:30:00"),
    ("M-1", "2026-04-01", 1, "8.000", "2026-04-30 08:30:00"),
}

Folders = dict[str, str]


@dataclass
class Notes:
    """What was seen after each step.

    Attributes:
        months: where each month lay, meters: where the dimension lay.
        staged: the values of the new column in the staged rows.
        run_id: of the rebuild of everything.
        lake: with the changed models, and a night after the rollback.
    """

    domains_of_full_refresh: tuple[set[str], set[str]]
    fact_of_full_refresh: list[Row]
    staged_by_full_refresh: set[object]
    before: Contents
    months: Folders
    meters: str
    partly: Contents
    partly_months: Folders
    partly_meters: str
    warnings: list[str]
    staged: set[object]
    failure: str
    after_failure: Contents
    after_failure_months: Folders
    fact: list[Row]
    run_id: str
    undone: list[Row]
    rolled_back: Contents
    rolled_back_months: Folders
    lake: Lake


@pytest.fixture(scope="module")
def notes(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    """All steps, in their order."""
    folder = tmp_path_factory.mktemp("rebuilt")
    landing, gone = folder / "landing", folder / "gone"
    for night in (FIRST, SECOND):
        write_toy_night(landing, night, **NIGHTS[night])
    shutil.copytree(landing, gone)
    engine = Engine(port=port, prefix="rebuilt_")
    as_it_was = project_with_toy(folder / "as it was")
    home = change(project_with_toy(folder / "changed"), CHANGES)
    project = DbtProject(engine, folder / "dbt", folder=home)

    other = Lake(engine, folder / "refreshed", project, domain("toy", home))
    other.full_refresh(landing)
    domains_of_full_refresh = domains_in(other)
    fact_of_full_refresh, staged_by_full_refresh = other.rows(FACT), staged_values(other)
    other.drop()

    changed = replace(other, folder=folder / "lake")
    lake = replace(changed, project=DbtProject(engine, folder / "dbt as it was", folder=as_it_was))
    try:
        lake.load(gone)
        shutil.rmtree(gone)
        before, months, meters = lake.contents(), lake.folders(FACT), lake.folder_of("dim_meter")

        partial = changed.rebuild(FROM)
        partly, partly_months = lake.contents(), lake.folders(FACT)
        partly_meters, staged = lake.folder_of("dim_meter"), staged_values(lake)

        # As if it had been killed; and the next one fails.
        lake.forget_last_run()
        with faulty(home), pytest.raises(NightError) as failure:
            replace(lake, project=DbtProject(engine, folder / "dbt", folder=home)).rebuild()
        after_failure, after_failure_months = lake.contents(), lake.folders(FACT)

        whole = changed.rebuild()
        fact = lake.rows(FACT)
        undone = rollback(engine, lake.domain, whole.run_id)
        rolled_back, rolled_back_months = lake.contents(), lake.folders(FACT)

        write_toy_night(landing, THIRD, **NIGHTS[THIRD])
        changed.load(landing, THIRD)
        yield Notes(
            domains_of_full_refresh=domains_of_full_refresh,
            fact_of_full_refresh=fact_of_full_refresh,
            staged_by_full_refresh=staged_by_full_refresh,
            before=before,
            months=months,
            meters=meters,
            partly=partly,
            partly_months=partly_months,
            partly_meters=partly_meters,
            warnings=partial.warnings,
            staged=staged,
            failure=str(failure.value),
            after_failure=after_failure,
            after_failure_months=after_failure_months,
            fact=fact,
            run_id=whole.run_id,
            undone=undone,
            rolled_back=rolled_back,
            rolled_back_months=rolled_back_months,
            lake=changed,
        )
    finally:
        lake.drop()


def staged_values(lake: Lake) -> set[object]:
    """The values of the new column in the staged rows."""
    table = f"{lake.schema('staging')}.base_toy__reading_loads"
    return {row["v"] for row in lake.engine.query(f"select distinct {STAGED} as v from {table}")}


@contextlib.contextmanager
def faulty(project: Path) -> Iterator[None]:
    """Let the models of a project compute sums that its tests do not pass."""
    model = project / "models/intermediate/toy/int_monthly_energy_aggregated.sql"
    right = model.read_text(encoding="utf-8")
    model.write_text(right.replace("sum(readings.energy)", "sum(readings.energy) + 1"), "utf-8")
    try:
        yield
    finally:
        model.write_text(right, encoding="utf-8")


def but_for_the_metric(contents: Contents) -> Contents:
    """What the fact had before the change too, and all else."""
    return without(METRIC, contents, FACT)


def test_toy_alone_in_a_folder_builds_nothing_of_retail(notes: Notes) -> None:
    """The other way round: test_toy_domain.py."""
    assert notes.domains_of_full_refresh == ({"toy"}, {"toy"})


def test_months_from_that_of_the_first_day_on_are_derived_again(notes: Notes) -> None:
    moved = {m for m, folder in notes.months.items() if notes.partly_months[m] != folder}
    assert moved == MONTHS_FROM_THEN_ON
    assert len(notes.months) > len(moved)
    assert notes.partly_months.keys() == notes.months.keys()


def test_a_new_metric_has_values_in_rebuilt_months_and_is_null_in_older_ones(notes: Notes) -> None:
    filled = {str(row["month"]) for row in notes.partly[FACT] if row[METRIC] is not None}
    assert filled == MONTHS_FROM_THEN_ON
    assert but_for_the_metric(notes.partly) == but_for_the_metric(notes.before)


def test_what_was_staged_without_a_column_is_null_there(notes: Notes) -> None:
    assert notes.staged == {None}
    assert notes.staged_by_full_refresh == {8, 9}


def test_the_dimensions_stay_as_the_last_night_left_them(notes: Notes) -> None:
    assert notes.partly_meters == notes.meters
    assert not notes.warnings


def test_a_killed_rebuild_is_undone_and_a_failed_one_changes_nothing(notes: Notes) -> None:
    assert 'test "monthly energy equals accepted readings" failed' in notes.failure
    assert but_for_the_metric(notes.after_failure) == but_for_the_metric(notes.before)
    assert notes.after_failure_months == notes.months


def test_rebuilding_everything_equals_a_full_refresh(notes: Notes) -> None:
    assert notes.fact == notes.fact_of_full_refresh
    assert None not in {row[METRIC] for row in notes.fact}


def test_a_rollback_of_the_rebuild_alone_goes_back_across_the_new_column(notes: Notes) -> None:
    assert [row["run_id"] for row in notes.undone] == [notes.run_id]
    assert {row[METRIC] for row in notes.rolled_back[FACT]} == {None}
    assert but_for_the_metric(notes.rolled_back) == but_for_the_metric(notes.before)
    assert notes.rolled_back_months == notes.months


def test_later_nights_restate_as_ever(notes: Notes) -> None:
    """The months that they do not touch stay without the new metric."""
    touched = {"2026-03-01", "2026-04-01"}
    wanted = {row if row[1] in touched else (*row[:-1], "None") for row in AFTER_THIRD}
    columns = ("meter_code", "month", "readings", "energy", METRIC)
    rows = [tuple(row[column] for column in columns) for row in notes.lake.rows(FACT)]
    assert {(m, str(month), n, str(e), str(at)) for m, month, n, e, at in rows} == wanted


def test_a_day_after_the_newest_one_is_refused(notes: Notes) -> None:
    told = "nothing can be rebuilt from 2026-05-05 on: the newest business date is 2026-05-04"
    with pytest.raises(LakeError, match=told):
        notes.lake.rebuild(THIRD)


def test_a_run_that_is_gone_cannot_be_rolled_back(notes: Notes) -> None:
    told = f"there is no run {notes.run_id}; the newest that were: .*_20260505"
    with pytest.raises(LakeError, match=told):
        rollback(notes.lake.engine, notes.lake.domain, notes.run_id)


def test_only_the_run_that_was_registered_last_may_go_on(notes: Notes) -> None:
    lake = notes.lake
    registered = register_rebuild(lake.project, lake.domain, lake.uri)
    expect_registered(lake.engine, lake.domain, registered)
    with pytest.raises(LakeError, match=f"run {registered} was registered after {notes.run_id}"):
        expect_registered(lake.engine, lake.domain, notes.run_id)


def test_without_a_night_there_is_nothing_to_rebuild(notes: Notes, tmp_path: Path) -> None:
    engine = replace(notes.lake.engine, prefix="empty_")
    project = replace(notes.lake.project, engine=engine)
    empty = replace(notes.lake, engine=engine, project=project, folder=tmp_path)
    with pytest.raises(LakeError, match="no night is loaded yet: there is nothing to rebuild"):
        empty.rebuild()
