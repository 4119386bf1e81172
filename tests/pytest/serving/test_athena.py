"""The views in Athena, built by dbt on Athena's engine over a lake that Spark wrote.

Minutes of work for two engines, so it is not part of `make test`: make test-athena.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from dashboards.datasets import questions
from domains import RETAIL
from served_lakes import LAKE_BUCKET, SERVING_BUCKET, ServedLake

from sandbox.dashboard.views import VIEW_NAMES, VIEWS

pytestmark = pytest.mark.athena

_TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def spark(served: ServedLake) -> duckdb.DuckDBPyConnection:
    """The published tables as Spark wrote them, and the views over them, in DuckDB."""
    return served.as_spark_wrote_it()


def rows_of(result: Any) -> list[list[Any]]:
    """Rows in an order of their own."""
    return sorted(([*row] for row in result), key=lambda row: [str(value) for value in row])


def in_athena(served: ServedLake, sql: str, schema: str) -> list[list[Any]]:
    """The rows of a query, with Athena's decimals and dates as Python's."""
    assert served.athena.trino is not None
    statement = served.athena.trino.run(sql, schema)
    kinds = [column["typeSignature"]["rawType"] for column in statement.columns]
    return [
        [typed(kind, value) for kind, value in zip(kinds, row, strict=True)]
        for row in statement.rows
    ]


def typed(kind: str, value: Any) -> Any:
    """A value of Trino's JSON."""
    return Decimal(value) if kind == "decimal" and value is not None else value


def comparable(rows: list[list[Any]]) -> list[list[Any]]:
    """Dates as texts, so that the sides compare."""
    return [[str(value) if hasattr(value, "isoformat") else value for value in row] for row in rows]


def assert_alike(found: list[list[Any]], wanted: list[list[Any]], columns: list[str]) -> None:
    """Both have the same rows; doubles may differ in their last digits."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        for name, left, right in zip(columns, one, other, strict=True):
            if isinstance(right, float):
                assert left == pytest.approx(right, rel=_TOLERANCE, abs=_TOLERANCE), name
            else:
                assert left == right, name


@pytest.mark.parametrize("table", [name for name in RETAIL.published_tables if name != "runs"])
def test_athena_reads_the_published_tables_as_spark_wrote_them(
    served: ServedLake, spark: duckdb.DuckDBPyConnection, table: str
) -> None:
    columns = [column[0] for column in spark.execute(f"select * from {table}").description or []]
    sql = f"select {', '.join(columns)} from {table} order by {', '.join(columns)}"
    wanted = comparable(rows_of(spark.execute(sql).fetchall()))
    found = comparable(rows_of(in_athena(served, sql, "retail_marts")))
    assert wanted
    assert_alike(found, wanted, columns)


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_each_view_equals_what_the_tables_of_spark_give(
    served: ServedLake, spark: duckdb.DuckDBPyConnection, view: str
) -> None:
    description = spark.execute(f"select * from {view}").description or []
    columns = [column[0] for column in description]
    sql = f"select {', '.join(columns)} from {view}"
    keys = [c for c in ("load_date", "raw_table", "reason", "week_end_date", "store_key",
                        "product_key") if c in columns]  # fmt: skip
    sql += f" order by {', '.join(keys)}"
    wanted = comparable([[*row] for row in spark.execute(sql).fetchall()])
    assert wanted
    assert_alike(comparable(in_athena(served, sql, "retail_serving")), wanted, columns)


@pytest.mark.parametrize("question", questions().values(), ids=questions())
def test_datasets_of_the_dashboards_find_what_they_name(served: ServedLake, question: str) -> None:
    assert in_athena(served, question, "retail_serving")


def test_building_again_changes_nothing(served: ServedLake) -> None:
    before = objects_of(served, LAKE_BUCKET), view_texts(served)
    built = served.dbt("build")
    assert built.returncode == 0, built.stdout
    assert (objects_of(served, LAKE_BUCKET), view_texts(served)) == before


def test_only_query_results_were_written(served: ServedLake) -> None:
    keys = {key for key, _ in objects_of(served, SERVING_BUCKET)}
    assert keys
    assert {key.split("/")[0] for key in keys} == {"results"}


def test_a_result_file_holds_a_header_and_quoted_values(served: ServedLake) -> None:
    client = served.client("athena")
    started = client.start_query_execution(
        QueryString="select alert_rank, alert from stock_alerts order by alert_rank limit 2",
        QueryExecutionContext={"Database": "retail_serving"},
        ResultConfiguration={"OutputLocation": f"s3://{SERVING_BUCKET}/results/"},
    )
    described = served.wait_for(started["QueryExecutionId"])
    bucket, _, key = (
        described["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    )
    body = served.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert [row[0] for row in csv.reader(io.StringIO(body))] == ["alert_rank", "1", "2"]


def test_what_is_neither_a_select_nor_a_view_is_refused(served: ServedLake) -> None:
    client = served.client("athena")
    with pytest.raises(client.exceptions.InvalidRequestException, match="selects and views only"):
        client.start_query_execution(
            QueryString="drop table retail_marts.fct_weekly_sales_inventory",
            ResultConfiguration={"OutputLocation": f"s3://{SERVING_BUCKET}/results/"},
        )


def test_no_view_is_stale_once_a_column_below_has_another_type(served: ServedLake) -> None:
    glue, table = served.client("glue"), "fct_weekly_sales_inventory"
    counted = "select count(*), min(days_in_week) from weekly_sales_inventory"
    before = in_athena(served, counted, "retail_serving")
    entry = glue.get_table(DatabaseName="retail_marts", Name=table)["Table"]
    storage = entry["StorageDescriptor"]
    columns = [
        {**column, "Type": "bigint"} if column["Name"] == "days_in_week" else column
        for column in storage["Columns"]
    ]
    kept = ("Name", "Parameters", "PartitionKeys", "TableType")
    entry = {name: value for name, value in entry.items() if name in kept}
    changed = {**entry, "StorageDescriptor": {**storage, "Columns": columns}}
    glue.update_table(DatabaseName="retail_marts", TableInput=changed)
    try:
        assert in_athena(served, counted, "retail_serving") == before
    finally:
        glue.update_table(
            DatabaseName="retail_marts", TableInput={**entry, "StorageDescriptor": storage}
        )


def test_a_table_in_a_views_place_stops_the_run_and_keeps_its_files(served: ServedLake) -> None:
    glue = served.client("glue")
    view = glue.get_table(DatabaseName="retail_serving", Name="stock_alerts")["Table"]
    fact = glue.get_table(DatabaseName="retail_marts", Name="fct_weekly_sales_inventory")["Table"]
    before = objects_of(served, LAKE_BUCKET)
    put_in_place(glue, {**fact, "Name": "stock_alerts"})
    try:
        built = served.dbt("build", "--full-refresh", "--select", "stock_alerts")
        assert built.returncode != 0
        assert "retail_serving.stock_alerts is a table" in built.stdout
        assert objects_of(served, LAKE_BUCKET) == before
    finally:
        put_in_place(glue, view)


def put_in_place(glue: Any, table: dict[str, Any]) -> None:
    """Let the serving schema's stock_alerts be this table."""
    kept = ("Name", "TableType", "Parameters", "StorageDescriptor", "PartitionKeys",
            "ViewOriginalText", "ViewExpandedText")  # fmt: skip
    glue.delete_table(DatabaseName="retail_serving", Name="stock_alerts")
    glue.create_table(
        DatabaseName="retail_serving",
        TableInput={name: table[name] for name in kept if table.get(name)},
    )


def objects_of(served: ServedLake, bucket: str) -> set[tuple[str, str]]:
    """Key and checksum of every object of a bucket."""
    pages = served.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {(each["Key"], each["ETag"]) for page in pages for each in page.get("Contents", [])}


def view_texts(served: ServedLake) -> dict[str, str]:
    """What Glue holds of each view."""
    tables = served.client("glue").get_tables(DatabaseName="retail_serving")["TableList"]
    assert {table["Name"] for table in tables} == {path.stem for path in VIEWS.glob("*.sql")}
    return {table["Name"]: table["ViewOriginalText"] for table in tables}
