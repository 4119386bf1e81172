"""The reference computation itself: the worked example by hand, every reject reason, layouts."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from dumps import (
    LOAD_DATE,
    WORKED_ROW,
    WORKED_SALES,
    WORKED_STOCK,
    night_tables,
    sale,
    stock,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import FactRow, NightError, Reference, compute, fast_fact
from reference.cases import (
    Layout,
    Night,
    TextRow,
    calendar_rows,
    layouts,
    small_nights,
    trailing_window,
    write_dump,
    write_nights,
)
from reference.contract import FACT_COLUMNS, TABLES

ALL_REASONS = {
    "malformed_row",
    "bad_value",
    "missing_key",
    "conflicting_duplicate",
    "future_date",
    "unknown_calendar_date",
}

property_test = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)


def test_worked_example_of_the_contract(tmp_path: Path) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables(WORKED_SALES, WORKED_STOCK))
    result = compute(tmp_path)
    assert result.fact == [WORKED_ROW]
    assert tuple(result.fact[0]) == FACT_COLUMNS
    assert as_rows(fast_fact(tmp_path, LOAD_DATE, duckdb.connect())) == [WORKED_ROW]


def test_running_week_counts_its_days_up_to_the_as_of_date(tmp_path: Path) -> None:
    write_dump(tmp_path, date(2026, 1, 7), night_tables(WORKED_SALES[:4], WORKED_STOCK[:3]))
    (row,) = compute(tmp_path).fact
    assert (row["is_complete_week"], row["days_in_week"]) == (False, 3)
    assert row["week_end_date"] == date(2026, 1, 10)
    assert row["out_of_stock_rate"] == 1 / 3
    assert (row["week_end_on_hand_qty"], row["stock_as_of_date"]) == (0, date(2026, 1, 6))


def test_measures_that_are_null_or_divide_by_nothing(tmp_path: Path) -> None:
    sales = [
        sale("01-04", "2", None),
        sale("01-04", "-2", "7", trans_id=2),
        sale("01-05", None, "0.0001"),
        sale("01-06", "3", "10"),
    ]
    inventory = [
        {**stock("01-04", "-1"), "OUT_OF_STOCK_FLG": None},
        stock("01-05", None, "6", "TRUE"),
        stock("01-06", "1"),
    ]
    write_dump(tmp_path, LOAD_DATE, night_tables(sales, inventory))
    (row,) = compute(tmp_path).fact
    assert (row["low_stock_instances"], row["no_stock_instances"]) == (2, 1)
    assert row["potential_low_stock_impact"] == Decimal(7) + Decimal("6.666667")
    assert row["no_stock_impact"] == Decimal("0.0001")
    assert (row["stock_as_of_date"], row["week_end_on_order_qty"]) == (date(2026, 1, 6), 0)


def test_a_week_with_stock_only_has_no_price_and_no_supply(tmp_path: Path) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables(inventory=[stock("01-04", None, out="1")]))
    (row,) = compute(tmp_path).fact
    nulls = [column for column, value in row.items() if value is None]
    assert nulls == [
        "avg_sales_price",
        "week_end_on_hand_qty",
        "week_end_on_order_qty",
        "stock_as_of_date",
        "weeks_of_supply",
    ]
    assert row["no_stock_instances"] == 1


# --- rejects -------------------------------------------------------------------------------------

GOOD_SALE = sale("01-05", "1", "1", trans_id=50)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["1,2,3"], "malformed_row"),
        ([",".join("1" * 13)], "malformed_row"),
        ([{**GOOD_SALE, "SALES_AMT": "1.00005"}], "bad_value"),
        ([{**GOOD_SALE, "TRANS_DT": "2026-02-30"}], "bad_value"),
        ([{**GOOD_SALE, "TRANS_ID": "12.0"}], "bad_value"),
        ([{**GOOD_SALE, "PROD_KEY": None, "SALES_QTY": "x"}], "bad_value"),
        ([{**GOOD_SALE, "PROD_KEY": None}], "missing_key"),
        ([GOOD_SALE, {**GOOD_SALE, "DISCOUNT": "1"}], "conflicting_duplicate"),
        ([{**GOOD_SALE, "TRANS_DT": "2026-01-14"}], "future_date"),
        ([{**GOOD_SALE, "TRANS_DT": "2024-01-14"}], "unknown_calendar_date"),
        ([{**GOOD_SALE, "TRANS_DT": "2025-12-01"}], "outside_covered_dates"),
    ],
)
def test_rejected_sales(tmp_path: Path, rows: list[TextRow | str], reason: str) -> None:
    tables = night_tables([*WORKED_SALES, *rows], WORKED_STOCK)
    write_dump(tmp_path, LOAD_DATE, tables, manifest=trailing_window(LOAD_DATE, 20))
    result = compute(tmp_path)
    rejected = ("sales", LOAD_DATE, "sales_20260114.csv", reason)
    assert result.rejected == [rejected] * len(rows)
    assert result.counts[LOAD_DATE, "sales"].rejected == {reason: len(rows)}
    assert result.fact == [WORKED_ROW]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"OUT_OF_STOCK_FLG": "2"}, "bad_flag"),
        ({"PROMOTION_FLG": "yes"}, "bad_flag"),
        ({"PROMOTION_FLG": "yes", "STORE_KEY": None}, "missing_key"),
        ({"PROMOTION_FLG": "yes", "NEXT_DELIVERY_DT": "soon"}, "bad_value"),
    ],
)
def test_rejected_inventory(tmp_path: Path, row: TextRow, reason: str) -> None:
    inventory = [*WORKED_STOCK, {**stock("01-07", "1"), **row}]
    write_dump(tmp_path, LOAD_DATE, night_tables(WORKED_SALES, inventory))
    result = compute(tmp_path)
    assert [(reject.table, reject.reason) for reject in result.rejected] == [("inventory", reason)]
    assert result.fact == [WORKED_ROW]


def test_calendar_rows_without_a_week_know_no_date(tmp_path: Path) -> None:
    tables = night_tables(WORKED_SALES, WORKED_STOCK)
    tables["calendar"] = [
        {**row, "WK_NUM": None} if isinstance(row, dict) and row["CAL_DT"] == "2026-01-07" else row
        for row in tables["calendar"]
    ]
    write_dump(tmp_path, LOAD_DATE, tables)
    result = compute(tmp_path)
    assert [reject.reason for reject in result.rejected] == ["unknown_calendar_date"]
    assert result.fact[0]["days_in_week"] == 6


def test_equal_rows_count_once_in_any_spelling(tmp_path: Path) -> None:
    respelled = {**WORKED_SALES[0], "SALES_QTY": "+2.0", "SALES_AMT": "020.00000"}
    tables = night_tables([*WORKED_SALES, respelled], [*WORKED_STOCK, WORKED_STOCK[0]])
    write_dump(tmp_path, LOAD_DATE, tables, parts=2)
    result = compute(tmp_path)
    assert result.fact == [WORKED_ROW]
    assert [result.counts[LOAD_DATE, name].duplicates for name in TABLES] == [1, 1, 0, 0, 0]


@settings(property_test, max_examples=10)
@given(nights=small_nights(dirty=True, max_nights=2))
def test_dirty_nights_hold_every_reason_below_one_percent(nights: list[Night]) -> None:
    with TemporaryDirectory() as folder:
        write_nights(Path(folder), nights)
        result = compute(Path(folder))
    for night in nights:
        per_table = {name: result.counts[night.load_date, name] for name in TABLES}
        assert all(sum(table.rejected.values()) * 100 < table.read for table in per_table.values())
        wanted = ALL_REASONS | ({"outside_covered_dates"} if night.covers else set())
        assert per_table["sales"].rejected.keys() == wanted
        assert per_table["inventory"].rejected.keys() == wanted | {"bad_flag"}
    assert_rows_add_up(result, nights)


# --- restatement ---------------------------------------------------------------------------------


def quantities(result: Reference) -> list[object]:
    """The sold quantity of each week."""
    return [row["total_sales_qty"] for row in result.fact]


def test_newest_dump_that_covers_a_date_owns_it_whole(tmp_path: Path) -> None:
    older = night_tables(
        [sale("01-05", "1", "1"), sale("01-06", "2", "2"), sale("01-12", "4", "4")]
    )
    newer = night_tables([sale("01-12", "8", "8")])
    covers = {"sales": (date(2026, 1, 6), date(2026, 1, 13)), "inventory": None}
    write_dump(tmp_path, date(2026, 1, 13), older)
    write_dump(tmp_path, LOAD_DATE, newer, manifest=covers)
    assert quantities(compute(tmp_path)) == [1, 8]
    assert quantities(compute(tmp_path, [date(2026, 1, 13)])) == [3, 4]


def test_without_a_manifest_only_dates_with_accepted_rows_are_covered(tmp_path: Path) -> None:
    write_dump(tmp_path, date(2026, 1, 13), night_tables([sale("01-05", "1", "1")]))
    rejected = {**sale("01-05", "9", "9"), "SALES_COST": "x"}
    write_dump(tmp_path, LOAD_DATE, night_tables([rejected, sale("01-12", "8", "8")]))
    assert quantities(compute(tmp_path)) == [1, 8]


@property_test
@given(nights=small_nights(), seed=st.randoms(use_true_random=False))
def test_order_of_nights_does_not_matter(nights: list[Night], seed: random.Random) -> None:
    with TemporaryDirectory() as folder:
        for night in seed.sample(nights, len(nights)):
            write_nights(Path(folder), [night])
        result = compute(Path(folder))
        for order in itertools.permutations(night.load_date for night in nights):
            assert compute(Path(folder), order) == result
        assert result.rejected == []
        assert_rows_add_up(result, nights)
        assert_totals(result, nights)


def assert_rows_add_up(result: Reference, nights: Sequence[Night]) -> None:
    """Rows read = accepted + duplicates + rejected, per table and night."""
    for night, name in itertools.product(nights, TABLES):
        counts = result.counts[night.load_date, name]
        assert counts.read == len(night.tables[name])
        assert counts.read == counts.accepted + counts.duplicates + sum(counts.rejected.values())


def assert_totals(result: Reference, nights: Sequence[Night]) -> None:
    """Sold quantities equal those of an own replay that overwrites date by date."""
    dates: dict[str, dict[tuple[object, ...], Fraction]] = {}
    for night in nights:
        fresh: dict[str, dict[tuple[object, ...], Fraction]] = {}
        for row in night.tables["sales"]:
            assert isinstance(row, dict)
            key = (int(row["TRANS_ID"] or 0), row["STORE_KEY"], row["PROD_KEY"])
            normal = tuple(int(str(part)) for part in key)
            fresh.setdefault(str(row["TRANS_DT"]), {})[normal] = Fraction(row["SALES_QTY"] or 0)
        covered = set(fresh) if night.covers is None else set(days_of(night.covers["sales"]))
        for day in covered:
            dates[day] = fresh.get(day, {})
    wanted = sum((sum(lines.values()) for lines in dates.values()), start=Fraction(0))
    assert sum(Fraction(str(row["total_sales_qty"])) for row in result.fact) == wanted


def days_of(cover: tuple[date, date] | None) -> Iterator[str]:
    """The dates of a cover as text."""
    if cover:
        for offset in range((cover[1] - cover[0]).days + 1):
            yield (cover[0] + timedelta(days=offset)).isoformat()


# --- layouts and the yardstick -------------------------------------------------------------------


@property_test
@given(nights=small_nights(max_nights=2), layout=layouts())
def test_layout_of_a_dump_changes_nothing(nights: list[Night], layout: Layout) -> None:
    with TemporaryDirectory() as plain, TemporaryDirectory() as other:
        write_nights(Path(plain), nights)
        write_nights(Path(other), nights, **layout)
        assert compute(Path(other)) == compute(Path(plain))


@property_test
@given(nights=small_nights(max_nights=1, duplicates=False), layout=layouts())
def test_yardstick_agrees_on_clean_nights(nights: list[Night], layout: Layout) -> None:
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        write_nights(Path(folder), nights, **layout)
        wanted = compute(Path(folder)).fact
        found = as_rows(fast_fact(Path(folder), nights[0].load_date, connection))
    assert len(found) == len(wanted)
    for row, wanted_row in zip(found, wanted, strict=True):
        for column, value in wanted_row.items():
            close = pytest.approx(value) if isinstance(value, float) else value
            assert row[column] == close, column


@property_test
@given(nights=small_nights())
def test_invariants_of_the_fact(nights: list[Night]) -> None:
    with TemporaryDirectory() as folder:
        write_nights(Path(folder), nights)
        result = compute(Path(folder))
    for row in result.fact:
        low, out = int(str(row["low_stock_instances"])), int(str(row["no_stock_instances"]))
        days = int(str(row["days_in_week"]))
        assert row["total_low_stock_impact"] == low + out
        assert 0 <= low <= days and 0 <= out <= days
        assert low or row["potential_low_stock_impact"] == 0
        assert out or row["no_stock_impact"] == 0
    keys = Counter(
        (row["week_end_date"], row["store_key"], row["product_key"]) for row in result.fact
    )
    assert max(keys.values(), default=1) == 1


def as_rows(relation: duckdb.DuckDBPyRelation) -> list[FactRow]:
    """A relation as the rows of a fact."""
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


# --- nights that must not be loaded --------------------------------------------------------------


def test_missing_columns_are_named(tmp_path: Path) -> None:
    header = [column for column in TABLES["sales"].columns if column != "SHIP_COST"]
    write_dump(tmp_path, LOAD_DATE, night_tables(), header_order={"sales": header})
    with pytest.raises(NightError, match="sales misses SHIP_COST"):
        compute(tmp_path)


def test_torn_file_is_not_trusted(tmp_path: Path) -> None:
    covers = trailing_window(LOAD_DATE)
    first, *_ = write_dump(tmp_path, LOAD_DATE, night_tables(WORKED_SALES), manifest=covers)
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(NightError, match="not as the manifest says"):
        compute(tmp_path)


def test_calendars_reach_week_53_and_break_at_new_year() -> None:
    weeks = {
        row["CAL_DT"]: row["YR_WK_NUM"] for row in calendar_rows(date(2025, 12, 25), LOAD_DATE)
    }
    assert (weeks["2025-12-27"], weeks["2025-12-28"], weeks["2026-01-04"]) == (
        "202552",
        "202601",
        "202602",
    )
    long_year = calendar_rows(date(2028, 12, 1), date(2029, 1, 10))
    assert "202853" in {row["YR_WK_NUM"] for row in long_year}
    split = calendar_rows(date(2025, 12, 25), LOAD_DATE, split_years=True)
    assert [row["CAL_DT"] for row in split if row["YR_WK_NUM"] == "202601"] == [
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
    ]
