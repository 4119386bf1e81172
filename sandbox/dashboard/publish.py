"""Publish exported tables of a lake to one DuckDB file that Superset reads.

Runs in Superset's environment, so that the same DuckDB writes and reads the file:

    superset/.venv/bin/python -m sandbox.dashboard.publish <folder of make export> <file>
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from sandbox.dashboard.views import VIEW_NAMES, rendered

MARTS = (
    "fct_weekly_sales_inventory",
    "dim_store",
    "dim_product",
    "dim_calendar",
    "rejected_rows",
    "load_row_counts",
    "runs",
)
"""The exported tables that the views or the datasets read."""


def publish(exported: Path, target: Path) -> dict[str, int]:
    """Write the tables to a draft and put it in the target's place in one step.

    The views of models/serving become tables, under the names that they have in Athena: the file is
    opened without access to other files. Readers see the old file or the new one. A draft that a
    killed publisher left is overwritten.

    Returns:
        Rows per table in schema retail_serving.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    for leftover in (draft, draft.with_name(f"{draft.name}.wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(draft) as database:
        for schema in ("retail_marts", "retail_serving"):
            database.execute(f"create schema {schema}")
        # The views' SQL names tables without a schema.
        database.execute("set search_path = 'retail_serving,retail_marts'")
        for table in MARTS:
            database.execute(
                f"create table retail_marts.{table} as from read_parquet(?)",
                [str(exported / table / "*.parquet")],
            )
        counts = {}
        for view in VIEW_NAMES:
            # Queries ask for a week, or a night: the rows of one lie together.
            database.execute(
                f"create table retail_serving.{view} as from ({rendered(view)}) order by 1, 2"
            )
            ((counts[view],),) = database.table(f"retail_serving.{view}").count("*").fetchall()
    draft.replace(target)
    return counts


if __name__ == "__main__":
    for name, rows in publish(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(f"{rows:12,} rows  {name}")
