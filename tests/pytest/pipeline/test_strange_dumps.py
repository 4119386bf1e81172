"""Dumps that are not what they seem, on a real server: nothing lost, nothing doubled, all told."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from dumps import LOAD_DATE, night_tables, sale, stock
from lakes import ACCEPT_SHRINK, FACT, Lake, LakeMaker
from reference.cases import Tables, TextRow, calendar_rows, store_rows, write_dump
from reference.contract import PRODUCT, SALES

from shelfweek.engine import Row
from shelfweek.night import NightError, Outcome

NEXT_LOAD_DATE = LOAD_DATE + timedelta(days=1)
PRODUCT_COUNT = 1200
OLD_COLUMNS_OF_REJECTS = (
    "table_name string, file_name string, reason string, column_name string, raw_row string, "
    "load_date date"
)
# A quote of product 150 that a later one closes: Spark finds as many fields as there should be.
OPEN_QUOTE = range(150, 156)


@dataclass(frozen=True)
class Loaded:
    """The lake, its landing, and what the first night came to."""

    lake: Lake
    landing: Path
    outcome: Outcome
    counts: dict[str, Row]
    rejects: list[Row]

    def reject(self, text: str) -> Row:
        """The only reject whose row holds a text."""
        (row,) = (row for row in self.rejects if text in row["raw_row"])
        return row


@pytest.fixture(scope="module")
def loaded(lake_in: LakeMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """A night of strange files, in a lake whose table of rejects an older release has made."""
    folder = tmp_path_factory.mktemp("strange")
    write_strange_night(folder / "landing")
    with lake_in(folder / "lake") as lake:
        with lake.engine.session() as session:
            marts = lake.schema("marts")
            session.execute(f"create schema {marts} location '{lake.uri}/marts'")
            session.execute(
                f"create table {marts}.rejected_rows ({OLD_COLUMNS_OF_REJECTS}) using parquet "
                f"partitioned by (load_date) location '{lake.uri}/marts/rejected_rows'"
            )
        (outcome,) = lake.load(folder / "landing")
        counts = {row["raw_table"]: row for row in lake.rows("load_row_counts")}
        rejects = lake.rows("rejected_rows")
        yield Loaded(lake, folder / "landing", outcome, counts, rejects)


def strange_tables() -> Tables:
    """All tables but product: the source has an unknown member, its calendar ends in mid-week."""
    sales: list[TextRow | str] = [
        sale("01-05", "1", "10", trans_id=number) for number in range(1, 1001)
    ]
    sales += [
        sale("01-05", "1", "10", store=-1, trans_id=2000),
        sale("0202-02-20", "1", "1", trans_id=2001),
        sale("01-05", "1e400", "1", trans_id=2002),
        sale("01-05", "1", "1", trans_id=2003, TRANS_TIME="🛒"),
    ]
    inventory: list[TextRow | str] = [
        {**stock("01-05", "5"), "PROD_KEY": str(number)} for number in range(1, 500)
    ]
    inventory += [
        {**stock("01-12", "5", store=2), "NEXT_DELIVERY_DT": "0001-01-01"},
        {**stock("01-06", "5", store=2), "NEXT_DELIVERY_DT": "9999-12-31"},
        {**stock("01-07", "5", store=2), "NEXT_DELIVERY_DT": "0000-01-01"},
    ]
    return {
        **night_tables(sales, inventory),
        "store": [*store_rows([1, 2]), {"STORE_KEY": "-1", "STORE_DESC": "the source's own"}],
        "calendar": [*calendar_rows(date(2025, 11, 30), date(2026, 1, 13))],
    }


def write_strange_night(landing: Path) -> None:
    """Every kind of strangeness that does not refuse a night."""
    tables = strange_tables()
    del tables["product"]
    write_dump(landing, LOAD_DATE, tables, extra_columns={"sales": ["", "", "NOTE", "note"]})
    lines = [f"{number},Name {number}{',' * 9}\n" for number in range(1, PRODUCT_COUNT + 1)]
    lines[OPEN_QUOTE[0] - 1] = f'{OPEN_QUOTE[0]},"Open{"," * 9}\n'
    lines[OPEN_QUOTE[-1] - 1] = f'{OPEN_QUOTE[-1]},"Close"{"," * 9}\n'
    lines[999] = f"x{lines[999]}"
    folder = landing / f"product/load_date={LOAD_DATE}"
    folder.mkdir(parents=True)
    header = ",".join(PRODUCT.columns) + "\n"
    for part, rows in (("1", lines[:800]), ("2", lines[800:])):
        packed = gzip.compress((header + "".join(rows)).encode())
        (folder / f"product_{LOAD_DATE:%Y%m%d}_{part}.csv.gz").write_bytes(packed)
    (stores,) = (landing / f"store/load_date={LOAD_DATE}").iterdir()
    stores.with_name(f".{stores.name}.crc").write_bytes(b"crc\0\0\0\2\0of another version")
    # Line ends in a column that is none of the contract's, a blank line, and a bad value below.
    empty = "," * (len(SALES.columns) - 6)
    second = landing / f"sales/load_date={LOAD_DATE}/sales_{LOAD_DATE:%Y%m%d}_b.csv"
    second.write_text(
        ",".join([*SALES.columns, "NOTE"]) + "\n"
        f'1,9,2,2026-01-06,9,2,{empty}"two\nlines"\n'
        "\n"
        f"2,9,2,2026-01-06,9,2,{empty}one\n"
        f"3,9,2,2026-01-06,9,two,{empty}bad\n"
    )


def test_a_checksum_of_another_version_costs_nothing(loaded: Loaded) -> None:
    assert loaded.counts["store"]["rows_accepted"] == 3


def test_the_source_s_unknown_member_is_the_only_one(loaded: Loaded) -> None:
    unknown = [row for row in loaded.lake.rows("dim_store") if row["store_key"] == -1]
    assert [row["store_desc"] for row in unknown] == ["the source's own"]
    (product,) = (row for row in loaded.lake.rows("dim_product") if row["product_key"] == -1)
    assert product["prod_name"] == "unknown"


def test_lines_that_a_quote_has_swallowed_are_read_and_rejected(loaded: Loaded) -> None:
    counts = loaded.counts["product"]
    assert counts["rows_read"] == PRODUCT_COUNT
    assert counts["rows_rejected"] == len(OPEN_QUOTE) + 1
    reject = loaded.reject('"Open')
    assert (reject["reason"], reject["column_name"]) == ("malformed_row", None)
    assert reject["file_name"] == "product_20260114_1.csv.gz"
    assert (reject["line_number"], reject["line_count"]) == (151, len(OPEN_QUOTE))
    products = {row["product_key"] for row in loaded.lake.rows("dim_product")}
    assert products == {-1, *range(1, PRODUCT_COUNT + 1)} - {*OPEN_QUOTE, 1000}


@pytest.mark.parametrize(
    ("text", "reason", "column", "line"),
    [
        ("x1000,Name 1000", "bad_value", "PROD_KEY", 201),
        ("0202-02-20", "unknown_calendar_date", "TRANS_DT", 1003),
        ("1e400", "bad_value", "SALES_QTY", 1004),
        ("🛒", "bad_value", "TRANS_TIME", 1005),
        ("0000-01-01", "bad_value", "NEXT_DELIVERY_DT", 503),
        # Below the header, a row of two lines, a blank line and one of one line.
        (",two,", "bad_value", "SALES_QTY", 6),
    ],
)
def test_a_reject_tells_its_line(
    loaded: Loaded, text: str, reason: str, column: str, line: int
) -> None:
    reject = loaded.reject(text)
    assert (reject["reason"], reject["column_name"]) == (reason, column)
    assert (reject["line_number"], reject["line_count"]) == (line, 1)


def test_dates_before_1582_are_stored_as_they_are(loaded: Loaded) -> None:
    rows = loaded.lake.engine.query(
        f"select next_delivery_date from {loaded.lake.schema('staging')}.stg_retail__inventory "
        "where store_key = 2 order by business_date"
    )
    assert [str(row["next_delivery_date"]) for row in rows] == ["9999-12-31", "0001-01-01"]


def test_a_line_end_in_an_ignored_column_costs_no_sale(loaded: Loaded) -> None:
    rows = loaded.lake.rows(FACT, "store_key = 2 and week_number = 2 and product_key = 9")
    assert [row["total_sales_qty"] for row in rows] == [4]
    assert any(
        "sales_20260114_b.csv has texts with line ends" in w for w in loaded.outcome.warnings
    )


def test_a_week_that_the_calendar_cuts_off_is_not_complete(loaded: Loaded) -> None:
    (row,) = loaded.lake.rows(FACT, "week_number = 3")
    assert (row["is_complete_week"], row["days_in_week"]) == (False, 3)
    assert row["week_end_date"] == date(2026, 1, 13)
    assert any("the calendar ends on 2026-01-13" in text for text in loaded.outcome.warnings)


def test_a_date_that_loses_its_rows_and_a_torn_week_stop_the_night(loaded: Loaded) -> None:
    """Readers keep what they had, until a person accepts the loss."""
    before = loaded.lake.contents()
    tables = night_tables([sale("01-05", "1", "10", trans_id=n) for n in range(1, 101)])
    stray = tables["calendar"][-1]
    assert isinstance(stray, dict)
    stray["WK_NUM"] = "1"
    write_dump(loaded.landing, NEXT_LOAD_DATE, tables)
    with pytest.raises(NightError) as caught:
        loaded.lake.load(loaded.landing, NEXT_LOAD_DATE)
    told = str(caught.value)
    assert "no published date shrinks" in told
    assert "sales, business_date 2026-01-05, rows_before 1001, rows_after 100" in told
    assert "every week is one run of days" in told
    assert "year_number 2026, week_number 1, first_day 2025-12-28, last_day 2026-02-28" in told
    assert loaded.lake.contents() == before

    stray["WK_NUM"] = "9"
    write_dump(loaded.landing, NEXT_LOAD_DATE, tables)
    loaded.lake.load(loaded.landing, NEXT_LOAD_DATE, limits=ACCEPT_SHRINK)
    rows = loaded.lake.rows(FACT, "store_key = 1 and product_key = 9 and week_number = 2")
    assert [row["total_sales_qty"] for row in rows] == [100]
