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
    """Make a published table again, over the same files, by a definition changed in one place."""
    name = lake.engine.marts(table)
    with lake.engine.session() as session:
        ((definition,),) = (row.values() for row in session.query(f"show create table {name}"))
        assert old in definition
        session.execute(f"drop table {name}")
        session.execute(definition.replace(old, new))


def test_new_columns_appear_and_all_else_is_refused(fresh_lake: Lake, two_nights: Path) -> None:
    fresh_lake.load(two_nights, LOAD_DATE)
    make_again(fresh_lake, "load_row_counts", "  rows_rejected BIGINT", "  rows_rejected INT")
    make_again(fresh_lake, "dim_store", "  longitude STRING", "  longitude STRING, altitude INT")
    make_again(fresh_lake, "rejected_rows", "  line_count BIGINT,\n", "")
    before = {table: fresh_lake.rows(table) for table in ("fct_weekly_sales_inventory", "runs")}

    with pytest.raises(NightError) as refused:
        fresh_lake.load(two_nights, NEXT)
    assert "load_row_counts.rows_rejected is int, in its model bigint" in str(refused.value)
    assert "dim_store has a column altitude (int), its model has none" in str(refused.value)
    assert "line_count" not in str(refused.value)
    assert {table: fresh_lake.rows(table) for table in before} == before

    make_again(fresh_lake, "load_row_counts", "  rows_rejected INT", "  rows_rejected BIGINT")
    make_again(fresh_lake, "dim_store", ",\n  altitude INT", "")
    fresh_lake.load(two_nights, NEXT)
    with fresh_lake.engine.session() as session:
        columns = session.query(f"show columns in {fresh_lake.engine.marts('rejected_rows')}")
    assert "line_count" in {row["col_name"] for row in columns}
    assert_equals_reference_of(fresh_lake, two_nights)
