"""A lake whose tables a release with other models has made.

Domain toy: no rule of retail is at work.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from lakes import Lake
from toys import FACT, reading, write_toy_night

from shelfweek.night import NightError

FIRST, NEXT = date(2026, 3, 5), date(2026, 3, 6)


@pytest.fixture
def two_nights(tmp_path: Path) -> Path:
    """A landing of two nights: of three days of a month the second leaves two as they are."""
    for night, energy in {FIRST: "3", NEXT: "30"}.items():
        readings = [reading("02-01", "1"), reading("02-02", "2"), reading("02-03", energy)]
        write_toy_night(tmp_path / "landing", night, meter=["M-1;Mill"], reading_202602=readings)
    return tmp_path / "landing"


def make_again(lake: Lake, table: str, old: str, new: str) -> None:
    """Make a table again, over the same files, by a definition changed in one place."""
    name = f"{lake.engine.prefix}toy_{table}"
    with lake.engine.session() as session:
        ((definition,),) = (row.values() for row in session.query(f"show create table {name}"))
        assert old in definition
        session.execute(f"drop table {name}")
        session.execute(definition.replace(old, new))
        if "PARTITIONED BY (run_id)" in definition:
            session.execute(f"msck repair table {name}")


def columns_of(lake: Lake, table: str) -> list[str]:
    """The columns of a table, in the catalog's order."""
    rows = lake.engine.query(f"show columns in {lake.engine.prefix}toy_{table}")
    return [row["col_name"] for row in rows]


def test_other_columns_are_refused_before_a_row_is_written(
    fresh_toy_lake: Lake, two_nights: Path
) -> None:
    fresh_toy_lake.load(two_nights, FIRST)
    make_again(fresh_toy_lake, "marts.load_row_counts", "rows_rejected BIGINT", "rows_rejected INT")
    make_again(fresh_toy_lake, "marts.dim_meter", "place STRING", "place STRING, height INT")
    make_again(fresh_toy_lake, "marts.rejected_rows", "  line_count BIGINT,\n", "")
    before = {table: fresh_toy_lake.rows(table) for table in (FACT, "runs")}

    with pytest.raises(NightError) as refused:
        fresh_toy_lake.load(two_nights, NEXT)
    assert "load_row_counts.rows_rejected is int, in its model bigint" in str(refused.value)
    assert "dim_meter has a column height (int), its model has none" in str(refused.value)
    assert "line_count" not in str(refused.value)
    assert "line_count" not in columns_of(fresh_toy_lake, "marts.rejected_rows")
    assert {table: fresh_toy_lake.rows(table) for table in before} == before


def test_an_interrupted_publication_is_undone_before_other_columns_are_refused(
    fresh_toy_lake: Lake, two_nights: Path
) -> None:
    """Readers see whole months however long the lake is refused."""
    fresh_toy_lake.load(two_nights, FIRST)
    fresh_toy_lake.forget_last_run()
    make_again(fresh_toy_lake, "marts.dim_meter", "place STRING", "place INT")
    assert fresh_toy_lake.rows(FACT)
    with pytest.raises(NightError, match=r"dim_meter\.place is int, .* make rebuild fills"):
        fresh_toy_lake.load(two_nights, NEXT)
    assert not any(fresh_toy_lake.contents().values())


def test_new_columns_are_added_wherever_they_stand(fresh_toy_lake: Lake, two_nights: Path) -> None:
    """The catalog has them last, the model where they belong: rows are written by name."""
    fresh_toy_lake.load(two_nights, FIRST)
    for table, column in {
        "marts.load_row_counts": "  rows_accepted BIGINT,\n",
        "marts.runs": "  first_load_date DATE,\n",
        "staging.base_toy__reading_loads": "  energy DECIMAL(12,3),\n",
    }.items():
        make_again(fresh_toy_lake, table, column, "")
    fresh_toy_lake.load(two_nights, NEXT)
    assert columns_of(fresh_toy_lake, "marts.runs")[-1] == "first_load_date"
    (row,) = fresh_toy_lake.rows(FACT)
    assert (row["meter_code"], row["readings"], str(row["energy"])) == ("M-1", 3, "33.000")
    counts = fresh_toy_lake.rows("load_row_counts", "raw_table = 'reading'")
    assert [(row["rows_read"], row["rows_accepted"]) for row in counts] == [(3, 3), (3, 3)]
