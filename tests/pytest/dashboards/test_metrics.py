"""The metrics of the datasets over several weeks, stores and products, on rows made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from dashboards.datasets import metric_query
from hand_made_lakes import RUNNING, Lake

FIRST, SECOND, YEAR_BEFORE = (2026, 1), (2026, 2), (2025, 2)


def value(lake: Lake, dataset: str, metric: str, *weeks: tuple[int, int]) -> Any:
    """A metric over some weeks, as a chart asks for it."""
    lake.create_views()
    chosen = ", ".join(str(week) for week in weeks)
    ((found,),) = lake.connection.execute(
        f"{metric_query(dataset, metric)} where (year_number, week_number) in ({chosen})"
    ).fetchall()
    return found


def compared(lake: Lake, metric: str, *weeks: tuple[int, int]) -> Any:
    """A metric of the comparison of weeks."""
    return value(lake, "week_comparison", metric, *weeks)


@pytest.fixture
def sold() -> Lake:
    """50.00 in a week, 400.00 and 100.00 in two of the next year, 90.00 so far in the third."""
    lake = Lake()
    lake.add_week(YEAR_BEFORE, 1, 1, total_sales_amt=50)
    lake.add_week(FIRST, 1, 1, total_sales_amt=400)
    lake.add_week(SECOND, 1, 1, total_sales_amt=100)
    lake.add_week(RUNNING, 1, 1, total_sales_amt=90)
    return lake


def test_a_week_is_compared_with_the_one_before_and_the_same_a_year_ago(sold: Lake) -> None:
    assert compared(sold, "sales_amt_this_week", SECOND) == 100
    assert compared(sold, "sales_amt_change_on_week", SECOND) == -0.75
    assert compared(sold, "sales_amt_gain_on_week", SECOND) == -300
    assert compared(sold, "sales_amt_move_on_week", SECOND) == 300
    assert compared(sold, "sales_amt_change_on_year", SECOND) == 1


def test_a_running_week_is_not_compared(sold: Lake) -> None:
    assert compared(sold, "sales_amt_this_week", RUNNING) == 90
    for metric in ("change_on_week", "gain_on_week", "change_on_year"):
        assert compared(sold, f"sales_amt_{metric}", RUNNING) is None, metric


def test_weeks_without_another_to_compare_with_are_left_out(sold: Lake) -> None:
    """The first week has none before it, and none a year ago: only the second one counts."""
    assert compared(sold, "sales_amt_change_on_week", FIRST) is None
    assert compared(sold, "sales_amt_gain_on_week", FIRST) is None
    assert compared(sold, "sales_amt_change_on_week", FIRST, SECOND) == -0.75
    assert compared(sold, "sales_amt_gain_on_week", FIRST, SECOND) == -300
    assert compared(sold, "sales_amt_change_on_year", FIRST, SECOND) == 1


def test_a_product_that_was_sold_the_week_before_alone_is_lost(sold: Lake) -> None:
    sold.add_week(FIRST, 1, 2, total_sales_amt=30)
    assert compared(sold, "sales_amt_gain_on_week", SECOND) == -330


def test_weeks_of_supply_are_those_of_the_products_that_were_counted() -> None:
    lake = Lake()
    lake.add_week(FIRST, 1, 1, week_end_on_hand_qty=30, total_sales_qty=5)
    lake.add_week(FIRST, 1, 2, total_sales_qty=-6)
    assert value(lake, "weekly_sales_inventory", "weeks_of_supply", FIRST) == 6


def test_weeks_of_supply_are_null_where_nothing_counted_was_sold() -> None:
    lake = Lake()
    lake.add_week(FIRST, 1, 1, week_end_on_hand_qty=30, total_sales_qty=-2)
    lake.add_week(FIRST, 1, 2, total_sales_qty=10)
    assert value(lake, "weekly_sales_inventory", "weeks_of_supply", FIRST) is None


def test_stock_of_several_weeks_is_the_average_of_those_in_which_it_was_counted() -> None:
    lake = Lake()
    lake.add_week(FIRST, 1, 1, week_end_on_hand_qty=40, week_end_on_order_qty=4)
    lake.add_week(FIRST, 2, 1, week_end_on_hand_qty=20, week_end_on_order_qty=2)
    lake.add_week(SECOND, 1, 1)
    for metric, wanted in (("week_end_on_hand_qty", 60), ("week_end_on_order_qty", 6)):
        assert value(lake, "weekly_sales_inventory", metric, FIRST, SECOND) == wanted


def test_rates_of_several_rows_are_over_all_their_days() -> None:
    lake = Lake()
    lake.add_week(SECOND, 1, 1, no_stock_instances=1)
    lake.add_week(RUNNING, 1, 1, no_stock_instances=1)
    for metric, wanted in (("out_of_stock_rate", 2 / 10), ("in_stock_rate", 8 / 10)):
        found = value(lake, "weekly_sales_inventory", metric, SECOND, RUNNING)
        assert found == pytest.approx(wanted)


def test_impacts_that_overlap_are_not_added() -> None:
    lake = Lake()
    lake.add_week(SECOND, 1, 1, no_stock_impact=5, potential_low_stock_impact=7)
    assert value(lake, "weekly_sales_inventory", "larger_impact", SECOND) == 7
