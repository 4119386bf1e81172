"""A lake whose tables a release with other models has made."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from dumps import LOAD_DATE, WORKED_SALES, WORKED_STOCK, night_tables
from lakes import Lake, assert_equals_reference_of
from reference.cases import write_dump

from shelfweek.night import NightError

NEXT = LOAD_DATE + timedelta(days=1)


@pytest.fixture
def two_nights(tmp_path: Path) -> Path:
    """A landing of two nights."""
    for day in (LOAD_DATE, NEXT):
        write_dump(tmp_path / "landing", day, night_tables(WORKED_SALES, WORKED_STOCK))
    return tmp_path / "landing"


def make_again(lake: Lake, table: str, old: str, new: str) -> None:
    """Make a table again, over the same files, by a definition changed in one place."""
    name = f"{lake.engine.prefix}retail_{table}"
    with lake.engine.session() as session:
        ((definition,),) = (row.values() for row in session.query(f"show create table {name}"))
        assert old in definition
        session.execute(f"drop table {name}")
        session.execute(definition.replace(old, new))
        if "PARTITIONED BY (run_id)" in definition:
            session.execute(f"msck repair table {name}")


def columns_of(lake: Lake, table: str) -> list[str]:
    """The columns of a table, in the catalog's order."""
    rows = lake.engine.query(f"show columns in {lake.engine.prefix}retail_{table}")
    return [row["col_name"] for row in rows]


def test_other_columns_are_refused_before_a_row_is_written(
    fresh_lake: Lake, two_nights: Path
) -> None:
    fresh_lake.load(two_nights, LOAD_DATE)
    make_again(fresh_lake, "marts.load_row_counts", "rows_rejected BIGINT", "rows_rejected INT")
    make_again(fresh_lake, "marts.dim_store", "longitude STRING", "longitude STRING, altitude INT")
    make_again(fresh_lake, "marts.rejected_rows", "  line_count BIGINT,\n", "")
    before = {table: fresh_lake.rows(table) for table in ("fct_weekly_sales_inventory", "runs")}

    with pytest.raises(NightError) as refused:
        fresh_lake.load(two_nights, NEXT)
    assert "load_row_counts.rows_rejected is int, in its model bigint" in str(refused.value)
    assert "dim_store has a column altitude (int), its model has none" in str(refused.value)
    assert "line_count" not in str(refused.value)
    assert "line_count" not in columns_of(fresh_lake, "marts.rejected_rows")
    assert {table: fresh_lake.rows(table) for table in before} == before


def test_an_interrupted_publication_is_undone_before_other_columns_are_refused(
    fresh_lake: Lake, two_nights: Path
) -> None:
    """Readers see whole weeks however long the lake is refused."""
    fresh_lake.load(two_nights, LOAD_DATE)
    fresh_lake.forget_last_run()
    make_again(fresh_lake, "marts.dim_store", "longitude STRING", "longitude INT")
    assert fresh_lake.fact()
    with pytest.raises(NightError, match=r"dim_store\.longitude is int, .* make rebuild fills"):
        fresh_lake.load(two_nights, NEXT)
    assert not any(fresh_lake.contents().values())


def test_new_columns_are_added_wherever_they_stand(fresh_lake: Lake, two_nights: Path) -> None:
    """The catalog has them last, the model where they belong: rows are written by name."""
    fresh_lake.load(two_nights, LOAD_DATE)
    for table, column in {
        "marts.load_row_counts": "  rows_accepted BIGINT,\n",
        "marts.runs": "  first_load_date DATE,\n",
        "staging.base_retail__inventory_loads": "  on_order_qty DECIMAL(18,4),\n",
    }.items():
        make_again(fresh_lake, table, column, "")
    fresh_lake.load(two_nights, NEXT)
    assert columns_of(fresh_lake, "marts.runs")[-1] == "first_load_date"
    assert_equals_reference_of(fresh_lake, two_nights)
