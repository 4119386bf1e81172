"""Published tables made by hand, in DuckDB, with the views of models/serving over them."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import yaml

from sandbox.dashboard.views import VIEW_NAMES, rendered
from shelfweek.project import PROJECT

MARTS = PROJECT / "models" / "marts" / "retail"
WEEKS = {
    # Number: first day, last day. The last one is still running.
    (2025, 2): (date(2025, 1, 5), date(2025, 1, 11)),
    (2026, 1): (date(2025, 12, 28), date(2026, 1, 3)),
    (2026, 2): (date(2026, 1, 4), date(2026, 1, 10)),
    (2026, 3): (date(2026, 1, 11), date(2026, 1, 17)),
}
RUNNING = (2026, 3)


def create_table(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Create an empty published table, as its contract says."""
    text = (MARTS / f"{name}.yml").read_text(encoding="utf-8")
    (model,) = yaml.safe_load(text)["models"]
    columns = ", ".join(f"{c['name']} {c['data_type']}" for c in model["columns"])
    connection.execute(f"create table {name} ({columns})")


class Lake:
    """The published tables in a DuckDB in memory, and the views over them."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("create schema retail_marts; create schema retail_serving")
        self.connection.execute("set search_path = 'retail_marts,retail_serving'")
        for path in MARTS.glob("*.yml"):
            create_table(self.connection, path.stem)

    def add(self, table: str, **values: Any) -> None:
        """Add a row; columns that are not named are null."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.connection.execute(
            f"insert into {table} ({names}) values ({marks})", list(values.values())
        )

    def add_week(self, week: tuple[int, int], store: int, product: int, **values: Any) -> None:
        """Add a row of the fact: 10 sold for 100.00 where nothing else is said."""
        first, last = WEEKS[week]
        days = 3 if week == RUNNING else 7
        lows, outs = values.get("low_stock_instances", 0), values.get("no_stock_instances", 0)
        row = {
            **{"year_number": week[0], "week_number": week[1]},
            **{"week_start_date": first, "week_end_date": last},
            **{"store_key": store, "product_key": product},
            **{"is_complete_week": week != RUNNING, "days_in_week": days},
            **{"total_sales_qty": 10, "total_sales_amt": 100, "total_sales_cost": 60},
            **{"avg_sales_price": 10.0, "total_low_stock_impact": lows + outs},
            **{"low_stock_instances": lows, "no_stock_instances": outs},
            **{"potential_low_stock_impact": 0, "no_stock_impact": 0},
            **{"in_stock_rate": 1 - outs / days, "out_of_stock_rate": outs / days},
            **values,
        }
        self.add("fct_weekly_sales_inventory", **row)

    def create_views(self, **variables: Any) -> None:
        """Create the views as their files define them."""
        for name in VIEW_NAMES:
            self.connection.execute(
                f"create or replace view retail_serving.{name} as {rendered(name, **variables)}"
            )

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        result = self.connection.execute(sql)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
