"""Weeks derived again from what lies staged: the dumps are gone, the definitions have changed.

The steps build on each other and are slow, so one fixture takes them all and notes what it saw.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from domains import RETAIL
from dumps import night_tables, sale, stock
from lakes import FACT, Lake, LakeMaker, fact_differences
from projects import copy_project
from reference import compute
from reference.cases import TextRow, write_dump

from shelfweek.engine import Row
from shelfweek.lake import LakeError, expect_registered, rollback
from shelfweek.night import DbtProject, NightError
from shelfweek.rebuild import register_rebuild

FIRST, SECOND, THIRD = (date(2026, 1, day) for day in (14, 16, 20))
FROM = date(2026, 1, 6)
WEEKS_FROM_THEN_ON = {"2026-01-10", "2026-01-17"}
# No dump delivers it, so what is staged before it comes says nothing of it.
STAGED = "list_amt"
METRIC = "total_discount_amt"

Contents = dict[str, list[Row]]
Folders = dict[str, str]

CHANGES: dict[str, list[tuple[str, str]]] = {
    "models/staging/retail/base_retail__sales_loads.sql": [
        (
            "sales.sales_mgrn as sales_margin_amt,",
            "sales.sales_mgrn as sales_margin_amt,\n        "
            f"cast(sales.sales_amt + sales.discount as decimal(18, 4)) as {STAGED},",
        ),
        ("    sales_margin_amt,\n", f"    sales_margin_amt,\n    {STAGED},\n"),
    ],
    "models/staging/retail/_retail__base.yml": [
        (
            "      - name: sales_margin_amt\n",
            f"      - name: {STAGED}\n        data_type: decimal(18,4)\n"
            "      - name: sales_margin_amt\n",
        )
    ],
    "models/intermediate/retail/int_store_product_days_joined.sql": [
        (
            "        sales_amt,\n        sales_cost,\n",
            "        sales_amt, discount_amt,\n        sales_cost,\n",
        ),
        ("        null as sales_cost,\n", "        null as discount_amt, null as sales_cost,\n"),
        (
            "        coalesce(sum(sales_cost), 0)",
            "        coalesce(sum(discount_amt), 0) as discount_amt,\n"
            "        coalesce(sum(sales_cost), 0)",
        ),
        ("    sales_amt,\n    sales_cost,\n", "    sales_amt, discount_amt,\n    sales_cost,\n"),
    ],
    "models/intermediate/retail/int_weekly_sales_inventory_aggregated.sql": [
        (
            "        sum(sales_cost)",
            f"        sum(discount_amt) as {METRIC},\n        sum(sales_cost)",
        ),
        ("    -- stock\n", f"    cast({METRIC} as decimal(28, 4)) as {METRIC},\n    -- stock\n"),
    ],
    "models/marts/retail/fct_weekly_sales_inventory.sql": [
        ("    total_sales_cost,\n", f"    {METRIC},\n    total_sales_cost,\n")
    ],
    "models/marts/retail/fct_weekly_sales_inventory.yml": [
        (
            "      - name: total_sales_cost\n",
            f"      - name: {METRIC}\n        data_type: decimal(28,4)\n"
            "      - name: total_sales_cost\n",
        )
    ],
}
"""What an analyst changes: a column more in the staged rows, and a metric more in the fact."""


def changed_project(folder: Path) -> Path:
    """A copy of the dbt project with the changes."""
    copy_project(folder)
    for file, pairs in CHANGES.items():
        text = (folder / file).read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text, (file, old)
            text = text.replace(old, new)
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def write(landing: Path, load_date: date, version: int) -> None:
    """A night of the last twenty days, whose amounts are others in each version."""
    days = [(load_date - timedelta(days=age)).isoformat() for age in range(1, 21)]
    sales: list[TextRow | str] = [
        sale(day, "2", str(10 + store + version), store=store, DISCOUNT="0.25")
        for day in days
        for store in (1, 2)
    ]
    inventory: list[TextRow | str] = [stock(day, str(version + 1)) for day in days[::3]]
    write_dump(landing, load_date, night_tables(sales, inventory, (1, 2)))


def dimension_folders(lake: Lake) -> list[str]:
    """Where the dimensions lie."""
    found = []
    for table in ("dim_store", "dim_product", "dim_calendar"):
        rows = lake.engine.query(f"describe formatted {lake.published(table)}")
        found += [row["data_type"] for row in rows if row["col_name"] == "Location"]
    return found


def without(contents: Contents, column: str) -> Contents:
    """The contents without a column of the fact, in an order that does not depend on it."""
    rows = [{key: row[key] for key in sorted(row) if key != column} for row in contents[FACT]]
    return {**contents, FACT: sorted(rows, key=lambda row: str(list(row.values())))}


@dataclass
class Notes:
    """What was seen after each step.

    Attributes:
        weeks: where each week lay, dimensions: where the dimensions lay.
        staged: the values of the new column in the staged rows.
        run_id: of the rebuild of everything.
        landing: nights with the dumps of all.
    """

    before: Contents
    weeks: Folders
    dimensions: list[str]
    partly: Contents
    partly_weeks: Folders
    partly_dimensions: list[str]
    warnings: list[str]
    staged: set[object]
    failure: str
    after_failure: Contents
    after_failure_weeks: Folders
    fact: list[Row]
    fact_of_full_refresh: list[Row]
    run_id: str
    undone: list[Row]
    rolled_back: Contents
    rolled_back_weeks: Folders
    lake: Lake
    landing: Path


@pytest.fixture(scope="module")
def notes(lake_in: LakeMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    """All steps, in their order."""
    folder = tmp_path_factory.mktemp("rebuilt")
    landing, gone = folder / "landing", folder / "gone"
    for version, night in enumerate((FIRST, SECOND)):
        write(landing, night, version)
    shutil.copytree(landing, gone)
    project = changed_project(folder / "project")
    with lake_in(folder / "lake") as lake:
        lake.load(gone)
        shutil.rmtree(gone)
        before, weeks, dimensions = lake.contents(), lake.week_folders(), dimension_folders(lake)

        changed = replace(lake, project=DbtProject(lake.engine, folder / "dbt", folder=project))
        partial = changed.rebuild(FROM)
        partly, partly_weeks = lake.contents(), lake.week_folders()
        partly_dimensions, staged = dimension_folders(lake), staged_values(lake)

        # As if it had been killed; and the next one fails.
        lake.forget_last_run()
        with faulty(project), pytest.raises(NightError) as failure:
            replace(lake, project=DbtProject(lake.engine, folder / "dbt", folder=project)).rebuild()
        after_failure, after_failure_weeks = lake.contents(), lake.week_folders()

        whole = changed.rebuild()
        fact = lake.fact()
        with lake_in(folder / "refreshed") as other:
            project_of_other = DbtProject(other.engine, folder / "dbt of the other", folder=project)
            replace(other, project=project_of_other).full_refresh(landing)
            fact_of_full_refresh = other.fact()
        undone = rollback(lake.engine, RETAIL, whole.run_id)
        rolled_back, rolled_back_weeks = lake.contents(), lake.week_folders()

        write(landing, THIRD, 2)
        changed.load(landing, THIRD)
        yield Notes(
            before=before,
            weeks=weeks,
            dimensions=dimensions,
            partly=partly,
            partly_weeks=partly_weeks,
            partly_dimensions=partly_dimensions,
            warnings=partial.warnings,
            staged=staged,
            failure=str(failure.value),
            after_failure=after_failure,
            after_failure_weeks=after_failure_weeks,
            fact=fact,
            fact_of_full_refresh=fact_of_full_refresh,
            run_id=whole.run_id,
            undone=undone,
            rolled_back=rolled_back,
            rolled_back_weeks=rolled_back_weeks,
            lake=changed,
            landing=landing,
        )


def staged_values(lake: Lake) -> set[object]:
    """The values of the new column in the staged rows."""
    table = f"{lake.schema('staging')}.base_retail__sales_loads"
    return {row["v"] for row in lake.engine.query(f"select distinct {STAGED} as v from {table}")}


@contextlib.contextmanager
def faulty(project: Path) -> Iterator[None]:
    """Let the models of a project compute sums that its tests do not pass."""
    model = project / "models/intermediate/retail/int_weekly_sales_inventory_aggregated.sql"
    right = model.read_text(encoding="utf-8")
    model.write_text(right.replace("sum(sales_cost)", "sum(sales_cost) + 1"), encoding="utf-8")
    try:
        yield
    finally:
        model.write_text(right, encoding="utf-8")


def test_weeks_from_that_of_the_first_day_on_are_derived_again(notes: Notes) -> None:
    moved = {week for week, folder in notes.weeks.items() if notes.partly_weeks[week] != folder}
    assert moved == WEEKS_FROM_THEN_ON
    assert len(notes.weeks) > len(moved)
    assert notes.partly_weeks.keys() == notes.weeks.keys()


def test_a_new_metric_has_values_in_rebuilt_weeks_and_is_null_in_older_ones(notes: Notes) -> None:
    filled = {str(row["week_end_date"]) for row in notes.partly[FACT] if row[METRIC] is not None}
    assert filled == WEEKS_FROM_THEN_ON
    assert without(notes.partly, METRIC) == without(notes.before, METRIC)


def test_what_was_staged_without_a_column_is_null_there(notes: Notes) -> None:
    assert notes.staged == {None}


def test_the_dimensions_stay_as_the_last_night_left_them(notes: Notes) -> None:
    assert notes.partly_dimensions == notes.dimensions
    assert not notes.warnings


def test_a_killed_rebuild_is_undone_and_a_failed_one_changes_nothing(notes: Notes) -> None:
    assert 'test "weekly sums equal accepted sales" failed' in notes.failure
    assert without(notes.after_failure, METRIC) == without(notes.before, METRIC)
    assert notes.after_failure_weeks == notes.weeks


def test_rebuilding_everything_equals_a_full_refresh(notes: Notes) -> None:
    assert notes.fact == notes.fact_of_full_refresh
    assert None not in {row[METRIC] for row in notes.fact}


def test_a_rollback_of_the_rebuild_alone_goes_back_across_the_new_column(notes: Notes) -> None:
    assert [row["run_id"] for row in notes.undone] == [notes.run_id]
    assert {row[METRIC] for row in notes.rolled_back[FACT]} == {None}
    assert without(notes.rolled_back, METRIC) == without(notes.before, METRIC)
    assert notes.rolled_back_weeks == notes.weeks


def test_later_nights_restate_as_ever(notes: Notes) -> None:
    """The new metric is none of the reference's."""
    rows = [{k: v for k, v in row.items() if k != METRIC} for row in notes.lake.fact()]
    assert not fact_differences(rows, compute(notes.landing).fact)


def test_a_day_after_the_newest_one_is_refused(notes: Notes) -> None:
    told = "nothing can be rebuilt from 2026-01-20 on: the newest business date is 2026-01-19"
    with pytest.raises(LakeError, match=told):
        notes.lake.rebuild(THIRD)


def test_a_run_that_is_gone_cannot_be_rolled_back(notes: Notes) -> None:
    told = f"there is no run {notes.run_id}; the newest that were: .*_20260120"
    with pytest.raises(LakeError, match=told):
        rollback(notes.lake.engine, RETAIL, notes.run_id)


def test_only_the_run_that_was_registered_last_may_go_on(notes: Notes) -> None:
    registered = register_rebuild(notes.lake.project, RETAIL, notes.lake.uri)
    expect_registered(notes.lake.engine, RETAIL, registered)
    with pytest.raises(LakeError, match=f"run {registered} was registered after {notes.run_id}"):
        expect_registered(notes.lake.engine, RETAIL, notes.run_id)


def test_without_a_night_there_is_nothing_to_rebuild(fresh_lake: Lake) -> None:
    with pytest.raises(LakeError, match="no night is loaded yet: there is nothing to rebuild"):
        fresh_lake.rebuild()
