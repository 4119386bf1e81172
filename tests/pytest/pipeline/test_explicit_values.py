"""One night on a real server, packed with cases whose outcome is worked out by hand.

Every case is a store of its own. The files of the tables look as differently as they may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dumps import LOAD_DATE, WORKED_ROW, WORKED_SALES, WORKED_STOCK, night_tables, sale, stock
from lakes import ACCEPT_SHRINK, Lake, LakeMaker, assert_equals_reference, fact_differences
from reference import compute
from reference.cases import TextRow, calendar_rows, write_dump
from reference.contract import PRODUCT, SALES

from shelfweek.engine import Row
from shelfweek.night import Outcome

NEXT_LOAD_DATE = date(2026, 1, 15)
WEEK_ENDS_ON = date(2026, 1, 10)
# A year of 53 weeks and the one after it.
CALENDAR_OF_2022 = calendar_rows(date(2022, 12, 18), date(2023, 1, 7))
STORES = range(1, 12)
UNKNOWN_STORE = 99
PADDED_STORE = 50
LARGEST = "99999999999999.9999"

CASES_SALES: list[TextRow | str] = [
    *WORKED_SALES,
    # 2: sold on two days, counted on the Thursday between them
    sale("01-05", "2", "10", store=2),
    sale("01-09", "2", "10", store=2),
    # 3: each amount fits decimal(18,4), their sum does not
    sale("01-05", LARGEST, LARGEST, store=3, SALES_COST=LARGEST),
    sale("01-06", LARGEST, LARGEST, store=3, SALES_COST=LARGEST),
    # 5: nothing but returns
    sale("01-05", "-3", "-30", store=5),
    # 6: sold and returned on one day, at another price
    sale("01-05", "2", "20", store=6),
    sale("01-05", "-2", "-15", store=6, trans_id=2),
    # 8: one week of two calendar years
    sale("2025-12-31", "1", "10", store=8),
    sale("01-01", "1", "12", store=8),
    # 9: a week that still runs
    sale("01-12", "1", "10", store=9),
    # 10: week 53 and the week after it
    sale("2022-12-31", "1", "10", store=10),
    sale("2023-01-01", "1", "11", store=10),
    sale("01-05", "1", "10", store=UNKNOWN_STORE),
]
CASES_STOCK: list[TextRow | str] = [
    *WORKED_STOCK,
    stock("01-08", "7", "2", store=2),
    stock("01-05", "0", store=5),
    stock("01-05", "-1", store=6),
    # 7: the last day's row has no quantity
    stock("01-09", "4", "6", store=7),
    stock("01-10", None, "8", "1", store=7),
    stock("01-12", "0", "0", "true", store=9),
    # 11: an empty quantity on order in the week's last counted row
    stock("01-10", "3", None, "FALSE", store=11),
]

REJECTED_SALES: dict[str, tuple[TextRow | str, str | None]] = {
    "too few fields": ("1,2,3", None),
    "no number": (sale("01-05", "abc", "1", trans_id=900), "SALES_QTY"),
    "too large": (sale("01-05", "1", "123456789012345", trans_id=901), "SALES_AMT"),
    "five decimals": (sale("01-05", "1", "1.00001", trans_id=902), "SALES_AMT"),
    "no date": (sale("2026-02-30", "1", "1", trans_id=903), "TRANS_DT"),
    "no product": (sale("01-05", "1", "1", trans_id=904, PROD_KEY=""), "PROD_KEY"),
    "one value": (sale("01-05", "1", "1", trans_id=905), "TRANS_ID, PROD_KEY, STORE_KEY, TRANS_DT"),
    "another": (sale("01-05", "1", "2", trans_id=905), "TRANS_ID, PROD_KEY, STORE_KEY, TRANS_DT"),
    "tomorrow": (sale("01-14", "1", "1", trans_id=906), "TRANS_DT"),
    "long ago": (sale("2019-01-01", "1", "1", trans_id=907), "TRANS_DT"),
}
REASONS = {
    "too few fields": "malformed_row",
    "no number": "bad_value",
    "too large": "bad_value",
    "five decimals": "bad_value",
    "no date": "bad_value",
    "no product": "missing_key",
    "one value": "conflicting_duplicate",
    "another": "conflicting_duplicate",
    "tomorrow": "future_date",
    "long ago": "unknown_calendar_date",
}
BAD_FLAG = stock("01-05", "1", out="yes", store=PADDED_STORE)


@dataclass(frozen=True)
class Loaded:
    """The lake, and what it held after the night of all cases."""

    outcome: Outcome
    landing: Path
    tables: dict[str, list[Row]]
    lake: Lake


@pytest.fixture(scope="module")
def loaded(lake_in: LakeMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """The night of all cases."""
    folder = tmp_path_factory.mktemp("explicit")
    landing = folder / "landing, {a} [b]"
    _write_cases(landing)
    with lake_in(folder / "a lake") as lake:
        (outcome,) = lake.load(landing)
        names = ("fct_weekly_sales_inventory", "dim_store", "dim_product", "rejected_rows")
        tables = {name: lake.rows(name) for name in names}
        yield Loaded(outcome, landing, tables, lake)


def _write_cases(landing: Path) -> None:
    padding = [
        sale("01-05", "1", "1", store=PADDED_STORE, trans_id=number) for number in range(1, 1500)
    ]
    shelves = [
        {**stock("01-05", "5", store=PADDED_STORE), "PROD_KEY": str(number)}
        for number in range(1000, 1200)
    ]
    rejected = [row for row, _ in REJECTED_SALES.values()]
    tables = night_tables(
        [*CASES_SALES, *rejected, *padding], [*CASES_STOCK, BAD_FLAG, *shelves], STORES
    )
    tables["calendar"] += CALENDAR_OF_2022
    layouts: dict[str, dict[str, Any]] = {
        "sales": {"extra_columns": {"sales": ["Note, more"]}, "newline": "\r\n", "bom": True},
        "inventory": {"gzip": True, "parts": 3},
        "store": {"gzip": True, "newline": "\r\n"},
        "product": {"header_order": {"product": [x.title() for x in reversed(PRODUCT.columns)]}},
        "calendar": {"flat": True},
    }
    for name, layout in layouts.items():
        write_dump(landing, LOAD_DATE, {name: tables[name]}, **layout)
    # A second part of the sales, with its columns in another order and letter case.
    write_dump(
        landing / "draft",
        LOAD_DATE,
        {"sales": [sale("01-07", "3", "33", store=4), sale("01-07", "3", "33", store=4)]},
        header_order={"sales": [name.lower() for name in reversed(SALES.columns)]},
    )
    (draft,) = (landing / "draft").rglob("*.csv")
    draft.rename(landing / f"sales/load_date={LOAD_DATE}/{draft.stem}_b.csv")


def row_of(loaded: Loaded, store: int, product: int = 9) -> Row:
    """The only row of a store."""
    (row,) = rows_of(loaded, store, product)
    return row


def rows_of(loaded: Loaded, store: int, product: int = 9) -> list[Row]:
    """The rows of a store and product, oldest week first."""
    rows = [
        row
        for row in loaded.tables["fct_weekly_sales_inventory"]
        if (row["store_key"], row["product_key"]) == (store, product)
    ]
    return sorted(rows, key=lambda row: row["week_end_date"])


def test_the_night_equals_the_reference(loaded: Loaded) -> None:
    differences = fact_differences(
        loaded.tables["fct_weekly_sales_inventory"], compute(loaded.landing, [LOAD_DATE]).fact
    )
    assert not differences, "\n".join(differences)


def test_the_worked_example_of_the_contract(loaded: Loaded) -> None:
    assert fact_differences(rows_of(loaded, 1), [WORKED_ROW]) == []


def test_sparse_stock_stands_for_the_week_with_the_day_of_its_count(loaded: Loaded) -> None:
    row = row_of(loaded, 2)
    assert row["stock_as_of_date"] == date(2026, 1, 8) < row["week_end_date"] == WEEK_ENDS_ON
    assert (row["week_end_on_hand_qty"], row["week_end_on_order_qty"]) == (7, 2)
    assert row["weeks_of_supply"] == 7 / 4


def test_sums_of_more_digits_than_their_parts_are_exact(loaded: Loaded) -> None:
    row = row_of(loaded, 3)
    for column in ("total_sales_qty", "total_sales_amt", "total_sales_cost"):
        assert row[column] == 2 * Decimal(LARGEST)
    assert row["avg_sales_price"] == 1


def test_a_part_with_its_columns_in_another_order_is_read_by_their_names(loaded: Loaded) -> None:
    row = row_of(loaded, 4)
    assert (row["total_sales_qty"], row["total_sales_amt"]) == (3, 33)


def test_a_week_of_returns_only_has_a_price_but_no_supply(loaded: Loaded) -> None:
    row = row_of(loaded, 5)
    assert (row["total_sales_qty"], row["total_sales_amt"]) == (-3, -30)
    assert row["avg_sales_price"] == 10
    assert row["weeks_of_supply"] is None
    assert row["low_stock_instances"] == 0


def test_a_day_without_net_quantity_has_no_price_and_its_whole_amount_as_impact(
    loaded: Loaded,
) -> None:
    row = row_of(loaded, 6)
    assert (row["total_sales_qty"], row["total_sales_amt"]) == (0, 5)
    assert row["avg_sales_price"] is None
    assert (row["low_stock_instances"], row["potential_low_stock_impact"]) == (1, 5)


def test_a_row_without_quantity_on_hand_is_no_stock_but_its_flag_counts(loaded: Loaded) -> None:
    row = row_of(loaded, 7)
    assert row["stock_as_of_date"] == date(2026, 1, 9)
    assert (row["week_end_on_hand_qty"], row["week_end_on_order_qty"]) == (4, 6)
    assert (row["no_stock_instances"], row["no_stock_impact"]) == (1, 0)
    assert row["avg_sales_price"] is None


def test_an_empty_quantity_on_order_stays_empty(loaded: Loaded) -> None:
    row = row_of(loaded, 11)
    assert (row["week_end_on_hand_qty"], row["week_end_on_order_qty"]) == (3, None)


def test_a_week_over_new_year_is_one_week(loaded: Loaded) -> None:
    row = row_of(loaded, 8)
    assert (row["year_number"], row["week_number"]) == (2026, 1)
    assert (row["week_start_date"], row["week_end_date"]) == (
        date(2025, 12, 28),
        date(2026, 1, 3),
    )
    assert row["total_sales_amt"] == 22


def test_a_running_week_counts_its_days_so_far(loaded: Loaded) -> None:
    row = row_of(loaded, 9)
    assert (row["is_complete_week"], row["days_in_week"]) == (False, 3)
    assert row["week_end_date"] == date(2026, 1, 17)
    assert row["out_of_stock_rate"] == pytest.approx(1 / 3)
    assert row["in_stock_rate"] == pytest.approx(2 / 3)


def test_week_53_is_followed_by_week_1(loaded: Loaded) -> None:
    rows = rows_of(loaded, 10)
    assert [(row["year_number"], row["week_number"], row["total_sales_amt"]) for row in rows] == [
        (2022, 53, 10),
        (2023, 1, 11),
    ]


def test_an_unknown_store_keeps_its_sales_and_warns(loaded: Loaded) -> None:
    assert row_of(loaded, UNKNOWN_STORE)["total_sales_amt"] == 10
    assert UNKNOWN_STORE not in {row["store_key"] for row in loaded.tables["dim_store"]}
    (unknown,) = (row for row in loaded.tables["dim_store"] if row["store_key"] == -1)
    assert unknown["store_desc"] == "unknown"
    (warning,) = (w for w in loaded.outcome.warnings if "store and product is known" in w)
    lines = [line.strip() for line in warning.splitlines()[1:]]
    # Store 50 is that of the many sales that mend the share of rejects.
    assert lines[0].startswith("store 50 is in no store dump: ")
    assert f"store {UNKNOWN_STORE} is in no store dump: 1 row of the fact, sales of 10.00" in lines
    assert re.fullmatch(r"and \d+ more", lines[-1])
    assert len(lines) == 6


def test_an_extra_column_warns(loaded: Loaded) -> None:
    assert any("extra columns ignored: NOTE, MORE" in text for text in loaded.outcome.warnings)


def test_texts_of_the_dimensions_keep_quotes_commas_and_line_ends(loaded: Loaded) -> None:
    stores = {row["store_key"]: row for row in loaded.tables["dim_store"]}
    assert stores.keys() == {*STORES, -1}
    assert stores[3]["store_desc"] == 'Store "3", Québec'
    assert stores[3]["addr"] == "3 Rue Principale\nSuite 2"
    assert stores[3]["region"] is None
    products = {row["product_key"]: row for row in loaded.tables["dim_product"]}
    assert products[9]["prod_name"] == 'Prüfling 12" x 3, no. 9'
    assert products[9]["brand_name"] == "Two\r\nLines"


@pytest.mark.parametrize("case", REJECTED_SALES)
def test_a_row_that_does_not_fit_is_kept_whole_with_its_reason(loaded: Loaded, case: str) -> None:
    row, column = REJECTED_SALES[case]
    text = row if isinstance(row, str) else _line_of(row)
    (rejected,) = (r for r in loaded.tables["rejected_rows"] if r["raw_row"] == text)
    assert rejected["reason"] == REASONS[case]
    assert rejected["column_name"] == column
    assert rejected["table_name"] == "sales"
    assert rejected["file_name"] == "sales_20260114.csv"
    assert rejected["load_date"] == LOAD_DATE


def _line_of(row: TextRow) -> str:
    """The row as it stands in the sales file, with the extra column at its end."""
    return ",".join([*(row.get(name) or "" for name in SALES.columns), '"extra, ""quoted"""'])


def test_a_flag_that_is_none_is_rejected(loaded: Loaded) -> None:
    (rejected,) = (r for r in loaded.tables["rejected_rows"] if r["table_name"] == "inventory")
    assert (rejected["reason"], rejected["column_name"]) == ("bad_flag", "OUT_OF_STOCK_FLG")
    assert rejected["raw_row"] == f"2026-01-05,{PADDED_STORE},9,1,0,yes,,,"


def test_a_header_without_rows_empties_the_dates_that_the_manifest_covers(loaded: Loaded) -> None:
    """The next night knows no sale of week 2 any more; weeks before it stay as they were."""
    first, last = date(2026, 1, 4), date(2026, 1, 14)
    tables = night_tables(stores=STORES)
    tables["calendar"] += CALENDAR_OF_2022
    write_dump(
        loaded.landing,
        NEXT_LOAD_DATE,
        tables,
        manifest={"sales": (first, last), "inventory": None},
    )
    loaded.lake.load(loaded.landing, NEXT_LOAD_DATE, limits=ACCEPT_SHRINK)
    assert_equals_reference(loaded.lake, compute(loaded.landing))
    fact = loaded.lake.fact()
    assert sum(row["total_sales_qty"] for row in fact if row["week_end_date"] >= first) == 0
    assert {row["store_key"] for row in fact if row["week_end_date"] < first} == {8, 10}
