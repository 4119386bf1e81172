"""The DuckDB file of the dashboards says what the lake's tables say."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dashboards.datasets import questions
from dashboards.tables import (
    EMPTY,
    FORMULA,
    NAMELESS_STORE,
    NO_STOCK_COUNTED,
    ONE_RUNNING_WEEK,
    STORE_OF_NO_DIMENSION,
    write_tables,
)

from sandbox.dashboard.publish import publish

SERVING = {
    "weekly_sales_inventory",
    "latest_complete_week",
    "stock_alerts",
    "store_week_scorecard",
    "rejected_rows_daily",
}
MEASURES = (
    "total_sales_qty",
    "total_sales_amt",
    "total_sales_cost",
    "no_stock_instances",
    "low_stock_instances",
    "no_stock_impact",
    "potential_low_stock_impact",
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of a lake with 55 whole weeks and a running one."""
    return write_tables(tmp_path_factory.mktemp("lake") / "exported")


@pytest.fixture(scope="module")
def file(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file published from them."""
    target = tmp_path_factory.mktemp("published") / "retail.duckdb"
    assert set(publish(exported, target)) == SERVING
    return target


def query(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """Run a query on a published file."""
    with duckdb.connect(file, read_only=True) as database:
        return database.execute(sql).fetchall()


def sums(table: str) -> str:
    """A query for the number of rows and the sums of all additive metrics."""
    return f"select count(*), {', '.join(f'sum({name})' for name in MEASURES)} from {table}"


@pytest.mark.parametrize("table", ["weekly_sales_inventory", "store_week_scorecard"])
def test_sums_are_those_of_the_fact(exported: Path, file: Path, table: str) -> None:
    """No join loses or doubles a row, and decimals stay exact."""
    fact = exported / "fct_weekly_sales_inventory" / "*.parquet"
    ((count, *wanted),) = duckdb.execute(sums(f"read_parquet('{fact}')")).fetchall()
    ((rows, *found),) = query(file, sums(f"retail_serving.{table}"))
    assert found == wanted
    assert isinstance(found[1], Decimal)
    assert rows == (count if table == "weekly_sales_inventory" else count // 4)


@pytest.mark.parametrize("question", questions().values(), ids=questions())
def test_datasets_find_what_they_name(file: Path, question: str) -> None:
    """Every column is there, and every metric is SQL that runs."""
    assert query(file, question)


def test_latest_complete_week_is_not_the_running_one(file: Path) -> None:
    """A week with days to come is no complete one."""
    weeks = query(
        file,
        """
        select distinct week_end_date, is_complete_week
        from retail_serving.weekly_sales_inventory order by 1 desc limit 2
        """,
    )
    assert [is_complete for _, is_complete in weeks] == [False, True]
    sql = "select distinct week_end_date from retail_serving.latest_complete_week"
    assert query(file, sql) == [(weeks[1][0],)]


def test_alerts_are_ranked_by_money_and_have_a_reason(file: Path) -> None:
    """Every alert has its flag or its supply; the first has the most money."""
    alerts = query(
        file,
        """
        select
            alert, at_stake_amt, no_stock_instances, low_stock_instances, weeks_of_supply
        from retail_serving.stock_alerts order by alert_rank
        """,
    )
    assert {alert for alert, *_ in alerts} == {"out of stock", "low stock", "under supply"}
    amounts = [Decimal(str(amount)) for _, amount, *_ in alerts]
    assert amounts == sorted(amounts, reverse=True)
    for alert, _, out, low, supply in alerts:
        assert {"out of stock": out, "low stock": low}.get(str(alert), float(str(supply)) < 1)


def test_stores_without_name_or_dimension_row_are_named(file: Path) -> None:
    """A nameless store shows its number, so does a key without a dimension row."""
    names: dict[int, str] = dict(
        query(
            file, "select distinct store_key, store_desc from retail_serving.latest_complete_week"
        )
    )
    assert names[NAMELESS_STORE] == f"Store 00{NAMELESS_STORE}"
    assert names[STORE_OF_NO_DIMENSION] == f"Store {STORE_OF_NO_DIMENSION}"


def test_a_formula_stays_the_text_it_is(file: Path) -> None:
    """Names are not changed in the file: escaping is the business of each output."""
    sql = "select distinct prod_name from retail_serving.weekly_sales_inventory where product_key=1"
    assert query(file, sql) == [(FORMULA,)]


def test_rejected_rows_are_counted_by_night_table_and_reason(file: Path) -> None:
    """The sum is the number of rejected rows."""
    columns = "raw_table, reason, rows_rejected"
    sql = f"select {columns} from retail_serving.rejected_rows_daily order by all"
    assert query(file, sql) == [
        ("inventory", "bad_value", 3),
        ("inventory", "missing_key", 2),
        ("inventory", "none", 0),
        ("sales", "bad_value", 3),
        ("sales", "missing_key", 2),
        ("sales", "none", 0),
    ]


def test_an_empty_lake_has_all_tables(tmp_path: Path) -> None:
    """No rows, but nothing missing that a chart asks for."""
    counts = publish(write_tables(tmp_path / "exported", EMPTY), tmp_path / "retail.duckdb")
    assert counts == dict.fromkeys(SERVING, 0)


def test_a_lake_with_one_running_week_has_no_complete_one(tmp_path: Path) -> None:
    """The running week is there; what is about complete weeks is empty."""
    counts = publish(write_tables(tmp_path / "exported", ONE_RUNNING_WEEK), tmp_path / "r.duckdb")
    assert counts["weekly_sales_inventory"] == 16
    assert counts["latest_complete_week"] == counts["stock_alerts"] == 0


def test_a_lake_where_no_stock_was_counted_has_null_metrics(tmp_path: Path) -> None:
    """Null everywhere is null, not zero."""
    target = tmp_path / "retail.duckdb"
    publish(write_tables(tmp_path / "exported", NO_STOCK_COUNTED), target)
    sql = "select sum(week_end_on_hand_qty), max(weeks_of_supply) from retail_serving."
    assert query(target, f"{sql}weekly_sales_inventory") == [(None, None)]


def test_readers_see_the_old_file_until_the_new_one_is_whole(
    exported: Path, tmp_path: Path
) -> None:
    """A reader that polls while a file is replaced sees all rows of one state or of the other."""
    target = tmp_path / "retail.duckdb"
    running = write_tables(tmp_path / "running", ONE_RUNNING_WEEK)
    publish(running, target)
    (tmp_path / "retail.draft").write_bytes(b"left by a killed publisher")
    seen: set[object] = set()
    is_done = threading.Event()

    def poll() -> None:
        while not is_done.is_set():
            ((rows,),) = query(target, "select count(*) from retail_serving.weekly_sales_inventory")
            seen.add(rows)

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for source in (exported, running, exported):
            publish(source, target)
    finally:
        is_done.set()
        reader.join()
    ((rows,),) = query(target, "select count(*) from retail_serving.weekly_sales_inventory")
    assert rows == 56 * 16
    assert seen <= {16, rows}


def test_a_broken_export_leaves_the_file_as_it_was(exported: Path, tmp_path: Path) -> None:
    """A table that is missing stops the publisher before readers notice."""
    target = tmp_path / "retail.duckdb"
    publish(exported, target)
    before = target.read_bytes()
    broken = write_tables(tmp_path / "broken", ONE_RUNNING_WEEK)
    (broken / "rejected_rows" / "part-0.parquet").unlink()
    with pytest.raises(duckdb.IOException):
        publish(broken, target)
    assert target.read_bytes() == before
