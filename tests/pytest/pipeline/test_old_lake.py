"""A lake that the release before has made goes on: nights, other models, a rebuild, the way back.

The steps build on each other and are slow, so one fixture takes them all and notes what it saw.
What a rebuild does in any domain stands in test_rebuild.py; this is retail, whose weeks are derived
from the one on that holds the first day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from domains import RETAIL
from lakes import FACT, Contents, Lake, assert_equals_reference_of, fact_differences, without
from old_lakes import NIGHTS, unpacked, write_night
from projects import change, copy_project
from reference import compute

from sandbox import thrift_server
from shelfweek.engine import Engine, Row
from shelfweek.lake import loaded_nights, rollback
from shelfweek.night import DbtProject

REVISION = "617988b"
"""Of the code that made the lake: the last without a folder per domain."""

THIRD = date(2026, 1, 20)
FROM = date(2026, 1, 6)
WEEKS_FROM_THEN_ON = {"2026-01-10", "2026-01-17", "2026-01-24"}
# No dump delivers it, so what is staged before it comes says nothing of it.
STAGED = "list_amt"
METRIC = "total_discount_amt"

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


def dimension_folders(lake: Lake) -> list[str]:
    """Where the dimensions lie."""
    return [lake.folder_of(table) for table in ("dim_store", "dim_product", "dim_calendar")]


def staged_values(lake: Lake) -> set[object]:
    """The values of the new column in the staged rows."""
    table = f"{lake.schema('staging')}.base_retail__sales_loads"
    return {row["v"] for row in lake.engine.query(f"select distinct {STAGED} as v from {table}")}


@dataclass
class Notes:
    """What was seen after each step.

    Attributes:
        found: what the release before had published.
        weeks: where each week lay, dimensions: where the dimensions lay, after a further night.
        staged: the values of the new column in the staged rows.
        run_id: of the rebuild.
    """

    landing: Path
    found: Contents
    loaded: Contents
    weeks: dict[str, str]
    dimensions: list[str]
    run_id: str
    warnings: list[str]
    rebuilt: Contents
    rebuilt_weeks: dict[str, str]
    rebuilt_dimensions: list[str]
    staged: set[object]
    fact_of_full_refresh: list[Row]
    staged_by_full_refresh: set[object]
    undone: list[Row]
    rolled_back: Contents
    rolled_back_weeks: dict[str, str]
    before_the_night: Contents
    nights_before_it: list[date]


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    """All steps, in their order."""
    folder = tmp_path_factory.mktemp("old")
    with unpacked(REVISION) as place, thrift_server.running(place / "lake") as server:
        landing, engine = place / "landing", Engine(port=server.port)
        lake = Lake(engine, place / "lake", DbtProject(engine, folder / "dbt"))
        found = lake.contents()
        write_night(landing, THIRD, len(NIGHTS))
        lake.load(landing, THIRD)
        assert_equals_reference_of(lake, landing)
        loaded, weeks, dimensions = lake.contents(), lake.week_folders(), dimension_folders(lake)

        project = change(copy_project(folder / "project"), CHANGES)
        changed = replace(lake, project=DbtProject(engine, folder / "changed", folder=project))
        outcome = changed.rebuild(FROM)
        rebuilt, rebuilt_weeks = lake.contents(), lake.week_folders()
        rebuilt_dimensions, staged = dimension_folders(lake), staged_values(lake)

        other = replace(engine, prefix="other_")
        other_project = DbtProject(other, folder / "other", folder=project)
        refreshed = Lake(other, folder / "lake", other_project)
        refreshed.full_refresh(landing)

        undone = rollback(engine, RETAIL, outcome.run_id)
        rolled_back, rolled_back_weeks = lake.contents(), lake.week_folders()
        rollback(engine, RETAIL, THIRD)
        yield Notes(
            landing=landing,
            found=found,
            loaded=loaded,
            weeks=weeks,
            dimensions=dimensions,
            run_id=outcome.run_id,
            warnings=outcome.warnings,
            rebuilt=rebuilt,
            rebuilt_weeks=rebuilt_weeks,
            rebuilt_dimensions=rebuilt_dimensions,
            staged=staged,
            fact_of_full_refresh=refreshed.rows(FACT),
            staged_by_full_refresh=staged_values(refreshed),
            undone=undone,
            rolled_back=rolled_back,
            rolled_back_weeks=rolled_back_weeks,
            before_the_night=lake.contents(),
            nights_before_it=loaded_nights(engine, RETAIL),
        )


def test_a_lake_of_the_release_before_is_read_and_loaded_on_where_it_lies(notes: Notes) -> None:
    """The fixture has compared what is there after the night with the reference."""
    wanted = compute(notes.landing, NIGHTS).fact
    assert not fact_differences(notes.found[FACT], wanted)
    folders = {folder.split(f"/{FACT}/")[0] for folder in notes.weeks.values()}
    assert folders == {f"file:{notes.landing.parent}/lake/marts"}


def test_weeks_from_that_of_the_first_day_on_are_derived_again(notes: Notes) -> None:
    moved = {week for week, folder in notes.weeks.items() if notes.rebuilt_weeks[week] != folder}
    assert moved == WEEKS_FROM_THEN_ON
    assert len(notes.weeks) > len(moved)
    assert notes.rebuilt_weeks.keys() == notes.weeks.keys()


def test_a_new_metric_has_values_in_rebuilt_weeks_and_is_null_in_older_ones(notes: Notes) -> None:
    filled = {str(row["week_end_date"]) for row in notes.rebuilt[FACT] if row[METRIC] is not None}
    assert filled == WEEKS_FROM_THEN_ON
    assert without(METRIC, notes.rebuilt) == without(METRIC, notes.loaded)


def test_rebuilt_weeks_equal_those_of_a_full_refresh(notes: Notes) -> None:
    def rebuilt(rows: list[Row]) -> list[Row]:
        return [row for row in rows if str(row["week_end_date"]) in WEEKS_FROM_THEN_ON]

    refreshed = {FACT: notes.fact_of_full_refresh}
    assert len(rebuilt(notes.rebuilt[FACT])) > 4
    assert rebuilt(notes.rebuilt[FACT]) == rebuilt(refreshed[FACT])
    assert without(METRIC, notes.rebuilt)[FACT] == without(METRIC, refreshed)[FACT]


def test_what_was_staged_without_a_column_is_null_there(notes: Notes) -> None:
    assert notes.staged == {None}
    assert None not in notes.staged_by_full_refresh


def test_the_dimensions_stay_as_the_last_night_left_them(notes: Notes) -> None:
    assert notes.rebuilt_dimensions == notes.dimensions
    assert not notes.warnings


def test_a_rollback_of_the_rebuild_alone_goes_back_across_the_new_column(notes: Notes) -> None:
    assert [row["run_id"] for row in notes.undone] == [notes.run_id]
    assert {row[METRIC] for row in notes.rolled_back[FACT]} == {None}
    assert without(METRIC, notes.rolled_back) == without(METRIC, notes.loaded)
    assert notes.rolled_back_weeks == notes.weeks


def test_a_rollback_reaches_what_the_release_before_has_published(notes: Notes) -> None:
    assert notes.nights_before_it == NIGHTS
    assert without(METRIC, notes.before_the_night) == without(METRIC, notes.found)
