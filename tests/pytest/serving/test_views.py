"""The views' figures on rows made by hand.

They run on DuckDB, which takes the same SQL: no engine has to start. What Athena's own engine makes
of them is seen in test_athena.py.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from hand_made_lakes import RUNNING, WEEKS, Lake

from sandbox.dashboard.views import VIEW_NAMES, VIEWS, rendered_file
from shelfweek.project import PROJECT

KEPT_TYPES = PROJECT / "macros" / "views_keep_their_types.sql"
SENTENCES = sorted((PROJECT / "tests" / "dbt" / "serving").glob("*/*.sql"))


@pytest.fixture
def lake() -> Lake:
    """A lake of two stores, a product, and the calendar of the weeks' last days."""
    lake = Lake()
    lake.add("dim_store", store_key=1, store_num="17", store_desc="Main Street", region="North")
    lake.add("dim_store", store_key=2, store_num="18", region="South")
    lake.add("dim_product", product_key=9, prod_name="=HYPERLINK(1)", brand_name="Brand")
    for (year, _), (_, last) in WEEKS.items():
        lake.add("dim_calendar", cal_dt=last, yr_num=year, mnth_num="1", qtr_num="1")
    return lake


def test_all_views_are_tested() -> None:
    assert set(VIEW_NAMES) == {path.stem for path in VIEWS.glob("*.sql")}


def test_an_empty_lake_has_empty_views() -> None:
    lake = Lake()
    lake.create_views()
    assert not [name for name in VIEW_NAMES if lake.rows(f"select * from {name}")]


def test_every_weekly_row_is_shown_and_has_names(lake: Lake) -> None:
    lake.add_week((2026, 2), 1, 9)
    lake.add_week((2026, 2), 2, 9)
    lake.add_week((2026, 2), 3, 8)
    lake.create_views()
    rows = lake.rows(
        "select store_key, store_num, store_desc, region, prod_name, brand_name, mnth_num "
        "from weekly_sales_inventory order by store_key"
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, "17", "Main Street", "North", "=HYPERLINK(1)", "Brand", "1"),
        (2, "18", "Store 18", "South", "=HYPERLINK(1)", "Brand", "1"),
        (3, None, "Store 3", "unknown", "Product 8", "unknown", "1"),
    ]


def test_stores_and_products_of_one_name_are_told_apart(lake: Lake) -> None:
    lake.add("dim_store", store_key=4, store_num="17", store_desc="Main Street")
    lake.add("dim_store", store_key=5, store_desc="Store 18")
    lake.add("dim_product", product_key=6, prod_name="=HYPERLINK(1)")
    lake.add("dim_product", product_key=7)
    for store, product in ((1, 9), (2, 9), (4, 6), (5, 7)):
        lake.add_week((2026, 2), store, product)
    lake.create_views()
    rows = lake.rows("select store_desc, prod_name from weekly_sales_inventory order by store_key")
    assert [tuple(row.values()) for row in rows] == [
        ("Main Street (1)", "=HYPERLINK(1) (9)"),
        ("Store 18 (2)", "=HYPERLINK(1) (9)"),
        ("Main Street (4)", "=HYPERLINK(1) (6)"),
        ("Store 18 (5)", "Product 7"),
    ]


def test_the_latest_complete_week_is_not_the_running_one(lake: Lake) -> None:
    lake.add_week((2026, 1), 1, 9)
    lake.add_week((2026, 2), 1, 9)
    lake.add_week(RUNNING, 1, 9)
    lake.create_views()
    (row,) = lake.rows("select week_number, store_desc from latest_complete_week")
    assert row == {"week_number": 2, "store_desc": "Main Street"}


def test_a_lake_with_one_running_week_has_no_latest_week_and_no_alert(lake: Lake) -> None:
    lake.add_week(RUNNING, 1, 9, no_stock_instances=2, no_stock_impact=50)
    lake.create_views()
    assert not lake.rows("select * from latest_complete_week")
    assert not lake.rows("select * from stock_alerts")
    (row,) = lake.rows("select days_in_week, in_stock_rate from store_week_scorecard")
    assert row == {"days_in_week": 3, "in_stock_rate": pytest.approx(1 / 3)}


class Relation(str):
    """A view's name, as dbt passes it."""

    @property
    def identifier(self) -> str:
        """Without its schema."""
        return str(self)


def as_athena_creates_it(view: str) -> str:
    """The statement of target athena for a view."""
    contract = yaml.safe_load((VIEWS / f"{view}.yml").read_text(encoding="utf-8"))["models"][0]
    macros = jinja2.Environment(autoescape=False).from_string(  # noqa: S701 (this is SQL)
        KEPT_TYPES.read_text(encoding="utf-8")
    )
    known = {
        "model": {"columns": {column["name"]: column for column in contract["columns"]}},
        "get_assert_columns_equivalent": lambda _: "",
    }
    created: Any = macros.make_module(known)
    return str(created.athena__create_view_as(Relation(view), rendered_file(VIEWS / f"{view}.sql")))


def test_views_keep_their_types_whatever_those_of_the_tables_below(lake: Lake) -> None:
    """Otherwise Athena calls them stale until they are built again."""
    lake.add_week((2026, 2), 1, 9, no_stock_instances=1)
    for view in VIEW_NAMES:
        lake.connection.execute("set search_path = 'retail_serving,retail_marts'")
        lake.connection.execute(as_athena_creates_it(view))
    before = {view: lake.rows(f"describe {view}") for view in VIEW_NAMES}
    for table, column, other in (
        ("fct_weekly_sales_inventory", "days_in_week", "bigint"),
        ("fct_weekly_sales_inventory", "total_sales_qty", "decimal(30, 4)"),
        ("load_row_counts", "rows_read", "hugeint"),
    ):
        lake.connection.execute(f"alter table retail_marts.{table} alter {column} type {other}")
    assert {view: lake.rows(f"describe {view}") for view in VIEW_NAMES} == before
    assert lake.rows("select * from stock_alerts")


def test_alerts_are_ranked_by_the_money_at_stake(lake: Lake) -> None:
    last = (2026, 2)
    lake.add_week(last, 1, 1, weeks_of_supply=3.0)
    lake.add_week(last, 1, 2, weeks_of_supply=0.2)
    lake.add_week(last, 1, 3, weeks_of_supply=1.0)
    lake.add_week(
        last, 1, 4, weeks_of_supply=None, total_sales_qty=0, total_sales_amt=0,
        low_stock_instances=1, potential_low_stock_impact=Decimal("12.345678"),
    )  # fmt: skip
    lake.add_week(
        last, 2, 4, weeks_of_supply=0.5, no_stock_instances=1, no_stock_impact=95,
        low_stock_instances=1, potential_low_stock_impact=90,
    )  # fmt: skip
    lake.create_views()
    rows = lake.rows(
        "select alert_rank, store_key, product_key, alert, at_stake_amt, supply_gap_amt, "
        "is_under_supply from stock_alerts order by alert_rank"
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, 2, 4, "out of stock", Decimal("95.0000"), Decimal("50.0000"), True),
        (2, 1, 2, "under supply", Decimal("80.0000"), Decimal("80.0000"), True),
        (3, 1, 4, "low stock", Decimal("12.3457"), Decimal("0.0000"), False),
    ]


def test_the_weeks_of_supply_of_an_alert_are_chosen(lake: Lake) -> None:
    lake.add_week((2026, 2), 1, 1, weeks_of_supply=3.0)
    lake.create_views(alert_weeks_of_supply=4)
    (row,) = lake.rows("select alert, at_stake_amt from stock_alerts")
    assert row == {"alert": "under supply", "at_stake_amt": Decimal("100.0000")}


def test_the_scorecard_adds_up_products_and_compares_weeks(lake: Lake) -> None:
    lake.add_week((2025, 2), 1, 1, total_sales_amt=50)
    lake.add_week((2026, 1), 1, 1, total_sales_amt=400)
    lake.add_week((2026, 2), 1, 1, week_end_on_hand_qty=5, no_stock_instances=2, no_stock_impact=9)
    lake.add_week((2026, 2), 1, 2, low_stock_instances=1, potential_low_stock_impact=4)
    lake.add_week((2026, 2), 2, 1, total_sales_amt=500)
    lake.add_week(RUNNING, 1, 1)
    lake.create_views()
    rows = lake.rows(
        "select * from store_week_scorecard where store_key = 1 and year_number = 2026"
    )
    _, second, running = sorted(rows, key=lambda row: row["week_number"])
    assert (second["total_sales_qty"], second["total_sales_amt"]) == (20, 200)
    assert second["avg_sales_price"] == 10
    assert (second["product_count"], second["out_of_stock_product_count"]) == (2, 1)
    assert second["low_stock_product_count"] == 1
    assert second["out_of_stock_rate"] == pytest.approx(2 / 14)
    assert second["in_stock_rate"] == pytest.approx(12 / 14)
    assert (second["no_stock_impact"], second["potential_low_stock_impact"]) == (9, 4)
    # 5 on hand; only the product that was counted counts.
    assert second["weeks_of_supply"] == 0.5
    assert second["previous_week_sales_amt"] == 400
    assert second["previous_week_change_rate"] == -0.5
    assert second["last_year_sales_amt"] == 50
    assert second["last_year_change_rate"] == 3
    assert second["sales_rank"] == 2
    assert running["previous_week_sales_amt"] == 200
    assert running["previous_week_change_rate"] is None


def test_a_week_that_a_store_has_no_row_of_is_not_replaced_by_an_earlier_one(lake: Lake) -> None:
    lake.add_week((2025, 2), 1, 1)
    lake.add_week((2026, 2), 1, 1)
    lake.create_views()
    (row,) = lake.rows("select * from store_week_scorecard where year_number = 2026")
    assert row["previous_week_sales_amt"] is None
    assert row["last_year_sales_amt"] == 100


def test_counts_of_rejected_rows_may_be_summed_over_reasons(lake: Lake) -> None:
    night = {"load_date": date(2026, 1, 11)}
    counts = {"rows_read": 10, "rows_accepted": 6, "rows_duplicate": 1, "rows_rejected": 3}
    lake.add("load_row_counts", **night, raw_table="sales", **counts)
    lake.add("load_row_counts", **night, raw_table="store", rows_read=2, rows_accepted=2,
             rows_duplicate=0, rows_rejected=0)  # fmt: skip
    for reason in ("bad_flag", "bad_flag", "bad_value"):
        lake.add("rejected_rows", **night, table_name="sales", reason=reason)
    lake.create_views()
    rows = lake.rows("select * from rejected_rows_daily order by raw_table, reason")
    assert [tuple(row.values())[1:] for row in rows] == [
        ("sales", "bad_flag", 0, 0, 0, 2),
        ("sales", "bad_value", 0, 0, 0, 1),
        ("sales", "none", 10, 6, 1, 0),
        ("store", "none", 2, 2, 0, 0),
    ]


@pytest.mark.parametrize("path", SENTENCES, ids=lambda path: path.stem)
def test_sentences_about_the_views_hold(lake: Lake, path: Path) -> None:
    """The same tests run on Athena with every build."""
    lake.add_week((2026, 1), 1, 9, no_stock_instances=1)
    lake.add_week((2026, 2), 2, 9)
    night = {"load_date": date(2026, 1, 11), "rows_read": 3, "rows_accepted": 1}
    lake.add("load_row_counts", raw_table="sales", **night, rows_duplicate=1, rows_rejected=1)
    lake.add("rejected_rows", load_date=night["load_date"], table_name="sales", reason="bad_flag")
    lake.create_views()
    assert not lake.rows(rendered_file(path))
