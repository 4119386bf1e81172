"""What the viewer is shown, and what it is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dashboards.client import Client
from dashboards.formulas import METRICS
from dashboards.site import Site, publish_for_superset
from dashboards.tables import (
    EMPTY,
    FORMULA,
    NAMELESS_STORE,
    NO_STOCK_COUNTED,
    ONE_RUNNING_WEEK,
    Shape,
    write_tables,
)

pytestmark = pytest.mark.dashboards

DASHBOARDS = {
    "how-did-the-week-go",
    "where-are-we-losing-sales",
    "what-to-order",
    "can-i-trust-it",
}
QUERY_FAILED = (
    "The query of this chart failed. Try again in a minute; if it lasts, tell whoever runs the "
    "pipeline: the reason stands in Superset's log."
)
LOSING = "where-are-we-losing-sales"
WORST = "The worst fifty"


def newest_week(site: Site) -> tuple[int, int]:
    """Year and number of the newest complete week."""
    with duckdb.connect(site.file, read_only=True) as database:
        row = database.execute(
            "select year_number, week_number from retail_serving.latest_complete_week"
        ).fetchone()
    assert row
    return row[0], row[1]


def week_filters(site: Site) -> list[dict[str, Any]]:
    """Filters for the newest complete week, as the filter bar sends them."""
    year, week = newest_week(site)
    return [
        {"col": "year_number", "op": "IN", "val": [year]},
        {"col": "week_number", "op": "IN", "val": [week]},
    ]


@contextlib.contextmanager
def publishing(site: Site, shape: Shape, folder: Path) -> Iterator[None]:
    """Let the dashboards show other tables for the length of a `with` block."""
    kept = site.file.with_suffix(".kept")
    kept.write_bytes(site.file.read_bytes())
    publish_for_superset(write_tables(folder / "exported", shape), site.file)
    try:
        yield
    finally:
        kept.replace(site.file)


def test_metrics_equal_those_of_the_file(site: Site, viewer: Client) -> None:
    """Each of them by store, against SQL of the tests' own."""
    year, week = newest_week(site)
    answer = viewer.data(LOSING, WORST, list(METRICS), ["store_desc"], week_filters(site))
    assert answer.status == 200, answer.text
    labels = answer.json["result"][0]["colnames"]
    found = {row["store_desc"]: row for row in answer.json["result"][0]["data"]}
    with duckdb.connect(site.file, read_only=True) as database:
        rows = database.execute(
            f"""
            select store_desc, {", ".join(f"cast({sql} as double)" for sql in METRICS.values())}
            from retail_marts.fct_weekly_sales_inventory as fact
            inner join (
                select distinct store_key, store_desc from retail_serving.weekly_sales_inventory
            ) using (store_key)
            where year_number = ? and week_number = ?
            group by store_desc
            """,
            [year, week],
        ).fetchall()
    assert labels[1:] == list(METRICS)
    assert len(rows) == len(found) == 4
    for store, *wanted in rows:
        assert [found[store][name] for name in METRICS] == pytest.approx(wanted)


def test_last_week_and_last_year_are_the_weeks_of_the_calendar(site: Site, viewer: Client) -> None:
    """The comparison's sums are those of the week before and of that number a year ago."""
    year, week = newest_week(site)
    names = ["sales_amt_this_week", "sales_amt_week_before", "sales_amt_year_before"]
    answer = viewer.data("how-did-the-week-go", "Stores", names, [], week_filters(site))
    (found,) = answer.json["result"][0]["data"]
    with duckdb.connect(site.file, read_only=True) as database:
        (wanted,) = database.execute(
            """
            select
                sum(total_sales_amt) filter (year_number = $year and week_number = $week),
                sum(total_sales_amt) filter (year_number = $year and week_number = $week - 1),
                sum(total_sales_amt) filter (year_number = $year - 1 and week_number = $week)
            from retail_marts.fct_weekly_sales_inventory
            """,
            {"year": year, "week": week},
        ).fetchall()
    assert [found[name] for name in names] == pytest.approx([float(each) for each in wanted])


def test_a_formula_is_escaped_in_csv_and_text_in_json(site: Site, viewer: Client) -> None:
    """A spreadsheet would run it; the page shows it as it is."""
    columns = ["store_desc", "prod_name", "category_name"]
    as_json = viewer.data(LOSING, WORST, ["no_stock_impact"], columns, week_filters(site))
    assert FORMULA in {row["prod_name"] for row in as_json.json["result"][0]["data"]}
    as_csv = viewer.data(
        LOSING, WORST, ["no_stock_impact"], columns, week_filters(site), result_format="csv"
    )
    assert as_csv.status == 200, as_csv.text
    assert "HYPERLINK" in as_csv.text
    cells = [cell.strip('"') for line in as_csv.text.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith("=")]
    assert [cell for cell in cells if cell.startswith("'=HYPERLINK")]


def test_the_viewer_sees_these_dashboards_alone(viewer: Client) -> None:
    """Nothing else is listed."""
    listed = viewer.call("/api/v1/dashboard/").json["result"]
    assert {dashboard["slug"] for dashboard in listed} == DASHBOARDS


def test_data_outside_a_dashboard_is_refused(viewer: Client) -> None:
    """The right hangs on the dashboard: without it there is none on the dataset."""
    chart = viewer.charts(LOSING)[WORST]
    source, kind = chart["form_data"]["datasource"].split("__")
    body = {
        "datasource": {"id": int(source), "type": kind},
        "queries": [{"metrics": ["total_sales_amt"], "columns": ["store_desc"], "row_limit": 10}],
        "result_format": "json",
        "result_type": "full",
    }
    assert viewer.call("/api/v1/chart/data", body).status in (401, 403)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/query/",
        "/api/v1/saved_query/",
        "/api/v1/sqllab/",
        "/api/v1/database/",
        "/api/v1/dataset/",
        "/api/v1/log/",
        "/api/v1/security/users/",
        "/api/v1/security/roles/",
        "/api/v1/assets/export/",
    ],
)
def test_the_administrators_api_is_refused(viewer: Client, path: str) -> None:
    """Forbidden, or not there at all; never an answer."""
    assert viewer.call(path).status in (401, 403, 404)


def test_sql_lab_is_refused(viewer: Client) -> None:
    """No SQL of the viewer's own."""
    body = {"database_id": 1, "sql": "select 1", "schema": "retail_serving"}
    token = viewer.call("/api/v1/security/csrf_token/").json["result"]
    assert viewer.call("/api/v1/sqllab/execute/", body, token).status in (401, 403)


def test_strangers_are_sent_to_the_login(site: Site) -> None:
    """Nothing is public."""
    stranger = Client(site.dashboards.url, "")
    assert stranger.call("/api/v1/chart/").status == 401
    assert "result" not in stranger.call(f"/api/v1/dashboard/{LOSING}").text


def test_an_unreachable_database_is_told_in_words(site: Site, viewer: Client) -> None:
    """What to do, and neither a stack trace nor the file's name."""
    away = site.file.with_suffix(".away")
    site.file.rename(away)
    try:
        answer = viewer.data(LOSING, WORST, ["no_stock_impact"])
    finally:
        away.rename(site.file)
    assert answer.status >= 400
    assert "cannot be reached" in answer.text
    assert "Traceback" not in answer.text
    assert site.file.name not in answer.text


def test_what_the_driver_says_goes_to_the_log_alone(site: Site, viewer: Client) -> None:
    """Whatever it is: DuckDB has more to say than that a file is not there."""
    away = site.file.with_suffix(".away")
    site.file.rename(away)
    site.file.write_text("no database " * 1000, encoding="utf-8")
    try:
        answer = viewer.data(LOSING, WORST, ["no_stock_impact"])
    finally:
        away.rename(site.file)
    assert answer.status >= 400
    assert answer.json == {"message": QUERY_FAILED}
    assert str(site.file) in (site.home / "superset.log").read_text(encoding="utf-8")


def test_charts_of_an_empty_lake_are_empty(site: Site, viewer: Client, tmp_path: Path) -> None:
    """No rows and no error: the page says "No results"."""
    with publishing(site, EMPTY, tmp_path):
        answer = viewer.data(LOSING, WORST, ["no_stock_impact"], ["store_desc"])
    assert answer.status == 200, answer.text
    assert answer.json["result"][0]["data"] == []


def test_a_lake_with_one_running_week_offers_that_week(
    site: Site, viewer: Client, tmp_path: Path
) -> None:
    """The filters' order puts it last, but there is no other; nothing is to be ordered yet."""
    with publishing(site, ONE_RUNNING_WEEK, tmp_path):
        names = ["total_sales_amt", "newest_complete_first"]
        weeks = viewer.data(LOSING, WORST, names, ["week_number"])
        alerts = viewer.data("what-to-order", "Order these", ["at_stake_amt"], ["alert"])
    (week,) = weeks.json["result"][0]["data"]
    assert week["total_sales_amt"] > 0
    assert week["newest_complete_first"] == 0
    assert alerts.json["result"][0]["data"] == []


def test_a_metric_that_is_null_everywhere_is_no_error(
    site: Site, viewer: Client, tmp_path: Path
) -> None:
    """Stock that was never counted is not zero."""
    names = ["week_end_on_hand_qty", "week_end_on_order_qty", "weeks_of_supply"]
    with publishing(site, NO_STOCK_COUNTED, tmp_path):
        answer = viewer.data("what-to-order", "Weeks of supply", names)
    assert answer.status == 200, answer.text
    (row,) = answer.json["result"][0]["data"]
    assert [row[name] for name in names] == [None, None, None]


def test_a_store_without_name_shows_its_number(site: Site, viewer: Client) -> None:
    """Readers can still tell which store it is."""
    answer = viewer.data(LOSING, WORST, ["no_stock_impact"], ["store_desc"], week_filters(site))
    names = {row["store_desc"] for row in answer.json["result"][0]["data"]}
    assert f"Store 00{NAMELESS_STORE}" in names
