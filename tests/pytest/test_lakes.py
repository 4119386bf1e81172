"""The comparison with the reference itself: it must see every difference."""

from __future__ import annotations

from decimal import Decimal

import pytest
from dumps import LOAD_DATE, WORKED_ROW
from lakes import fact_differences
from packs import STRIDE, packed_nights
from reference import FactValue
from reference.cases import calendar_rows


def test_equal_facts_differ_in_nothing() -> None:
    nearly = {**WORKED_ROW, "in_stock_rate": 5 / 7, "total_sales_amt": Decimal("83.0000")}
    assert fact_differences([nearly], [WORKED_ROW]) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("total_sales_amt", Decimal("83.0001")),
        ("potential_low_stock_impact", Decimal("36.00001")),
        ("weeks_of_supply", 8 / 9 + 1e-9),
        ("weeks_of_supply", None),
        ("stock_as_of_date", LOAD_DATE),
        ("is_complete_week", False),
    ],
)
def test_one_other_value_is_one_difference(column: str, value: FactValue) -> None:
    (difference,) = fact_differences([{**WORKED_ROW, column: value}], [WORKED_ROW])
    assert column in difference


def test_missing_and_surplus_rows_are_differences() -> None:
    other = {**WORKED_ROW, "store_key": 2}
    assert [line.split(":")[0] for line in fact_differences([other], [WORKED_ROW])] == [
        "missing",
        "surplus",
    ]


def test_packed_examples_keep_to_stores_of_their_own() -> None:
    calendar = calendar_rows(LOAD_DATE.replace(day=1), LOAD_DATE)
    (night,) = packed_nights(calendar, [LOAD_DATE], 20)
    sales = [row for row in night.tables["sales"] if isinstance(row, dict)]
    examples = {int(row["STORE_KEY"] or 0) // STRIDE for row in sales}
    assert len(examples) > 10
    assert packed_nights(calendar, [LOAD_DATE], 20) == [night]
