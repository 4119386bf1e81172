"""What says a metric again is what the catalog says, and what is typed a second time agrees."""

from __future__ import annotations

import itertools
import re

import duckdb
import pytest
from dashboards.formulas import METRICS
from dumps import WORKED_ROW
from hand_made_lakes import RUNNING, Lake

from superset.describe_assets import differing
from superset.metric_catalog import PROJECT, read_catalog
from superset.metric_pages import PAGE, described_metrics, metric_pages, worked_example

CATALOG = read_catalog()


@pytest.fixture
def lake() -> Lake:
    """Weeks of two stores, with a product that was not counted and one that was brought back."""
    lake = Lake()
    for week, store in itertools.product(((2026, 2), RUNNING), (1, 2)):
        stock = {"week_end_on_hand_qty": 30 + store, "week_end_on_order_qty": 4}
        lake.add_week(week, store, 1, no_stock_instances=1, no_stock_impact=5, **stock)
        lake.add_week(week, store, 2, low_stock_instances=2, potential_low_stock_impact=7)
        lake.add_week(
            week, store, 3, total_sales_qty=-2, total_sales_amt=-24, week_end_on_hand_qty=9
        )
    lake.create_views()
    return lake


def test_the_pages_say_what_the_catalog_says() -> None:
    """If this fails: python -m superset.describe_assets."""
    assert not [str(path.relative_to(PROJECT)) for path in differing(metric_pages())]


def test_every_metric_has_a_section_with_formula_working_and_trap() -> None:
    assert described_metrics() == list(CATALOG)
    notes = re.findall(
        r"<!-- end -->\n\n- Formula: .+?\n- Worked: .+?\n- Trap: .",
        PAGE.read_text("utf-8"),
        re.DOTALL,
    )
    assert len(notes) == len(CATALOG)


@pytest.mark.parametrize("name", CATALOG)
def test_the_working_comes_to_the_figure_of_the_unit_test(name: str) -> None:
    (working,) = re.findall(
        rf"<!-- from the catalog: {name} -->(?:(?!from the catalog).)*?\n- Worked: `(.+?)`",
        PAGE.read_text("utf-8"),
        re.DOTALL,
    )
    row = duckdb.connect().execute(f"select cast({working} as double)").fetchone()
    assert row and row[0] == pytest.approx(worked_example()[name])


def test_the_worked_example_is_one_for_dbt_and_for_the_reference() -> None:
    """In _int_retail__unit_tests.yml and in tests/pytest/dumps.py."""
    example = worked_example()
    for name in CATALOG:
        assert float(str(WORKED_ROW[name])) == pytest.approx(float(example[name])), name


def test_each_metric_has_a_unit_test_of_its_own() -> None:
    folder = PROJECT / "models" / "intermediate" / "retail"
    text = (folder / "_int_retail__unit_tests.yml").read_text("utf-8")
    assert re.findall(r"- name: metric_(\w+)", text) == [
        f"{int(metric.metric_number):02}_{name}" for name, metric in CATALOG.items()
    ]


def test_the_scorecard_rolls_up_as_the_catalog_says(lake: Lake) -> None:
    """In models/serving/retail/store_week_scorecard.sql and in the catalog."""
    columns = {row["column_name"] for row in lake.rows("describe store_week_scorecard")}
    shown = [metric for name, metric in CATALOG.items() if name in columns]
    assert shown
    for metric in shown:
        rows = lake.rows(
            f"""
            select scorecard.{metric.column_name} as found, wanted
            from store_week_scorecard as scorecard
            inner join (
                select week_end_date, store_key, {metric.expression} as wanted
                from weekly_sales_inventory
                group by week_end_date, store_key
            ) using (week_end_date, store_key)
            """
        )
        assert len(rows) == 4
        for row in rows:
            assert float(row["found"]) == pytest.approx(row["wanted"]), metric.column_name


def test_the_second_formulas_leave_no_metric_out() -> None:
    """In tests/pytest/dashboards/formulas.py, which the running Superset is compared with too."""
    assert METRICS.keys() == CATALOG.keys()


@pytest.mark.parametrize("name", METRICS)
def test_one_week_rolls_up_as_a_second_formula_says(name: str) -> None:
    lake = Lake()
    for product in (1, 2):
        values = {column: product + place for place, column in enumerate(CATALOG)}
        lake.add_week((2026, 2), 1, product, **values)
    (row,) = lake.rows(
        f"select {METRICS[name]} as wanted, {CATALOG[name].expression} as found "
        "from fct_weekly_sales_inventory"
    )
    assert row["found"] == pytest.approx(float(row["wanted"]))
