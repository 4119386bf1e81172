"""Publish exported tables of a lake to one DuckDB file that Superset reads.

Runs in Superset's environment, so that the same DuckDB writes and reads the file:

    superset/.venv/bin/python -m sandbox.dashboard.publish <folder of make export> <file>
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

SERVING = Path(__file__).parent / "serving.sql"
MARTS = (
    "fct_weekly_sales_inventory",
    "dim_store",
    "dim_product",
    "dim_calendar",
    "rejected_rows",
    "load_row_counts",
    "runs",
)
"""The exported tables that the serving tables or the datasets read."""


def publish(exported: Path, target: Path) -> dict[str, int]:
    """Write the tables to a draft and put it in the target's place in one step.

    Readers see the old file or the new one. A draft that a killed publisher left is overwritten.

    Returns:
        Rows per table in schema retail_serving.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    for leftover in (draft, draft.with_name(f"{draft.name}.wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(draft) as database:
        database.execute("create schema retail_marts")
        for table in MARTS:
            database.execute(
                f"create table retail_marts.{table} as from read_parquet(?)",
                [str(exported / table / "*.parquet")],
            )
        database.execute(SERVING.read_text(encoding="utf-8"))
        serving = database.execute(
            "select table_name from duckdb_tables() where schema_name = 'retail_serving' order by 1"
        ).fetchall()
        counts = {}
        for (table,) in serving:
            ((counts[table],),) = database.table(f"retail_serving.{table}").count("*").fetchall()
    draft.replace(target)
    return counts


if __name__ == "__main__":
    for name, rows in publish(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(f"{rows:12,} rows  {name}")
