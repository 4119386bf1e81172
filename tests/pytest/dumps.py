"""Rows and tables of the first days of 2026, for dumps whose outcome is known by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from reference import FactRow
from reference.cases import Tables, TextRow, calendar_rows, product_rows, store_rows

LOAD_DATE = date(2026, 1, 14)


def sale(
    day: str, qty: str | None, amt: str | None, *, store: int = 1, trans_id: int = 1, **other: str
) -> TextRow:
    """A sales line of product 9 on a day of 2026."""
    return {
        "TRANS_ID": str(trans_id),
        "PROD_KEY": "9",
        "STORE_KEY": str(store),
        "TRANS_DT": day if len(day) > 5 else f"2026-{day}",
        "SALES_QTY": qty,
        "SALES_AMT": amt,
        "SALES_COST": "1.5",
        **other,
    }


def stock(
    day: str, on_hand: str | None, on_order: str | None = "0", out: str = "0", *, store: int = 1
) -> TextRow:
    """An inventory row of product 9 on a day of 2026."""
    return {
        "CAL_DT": day if len(day) > 5 else f"2026-{day}",
        "STORE_KEY": str(store),
        "PROD_KEY": "9",
        "INVENTORY_ON_HAND_QTY": on_hand,
        "INVENTORY_ON_ORDER_QTY": on_order,
        "OUT_OF_STOCK_FLG": out,
    }


def night_tables(
    sales: Sequence[TextRow | str] = (),
    inventory: Sequence[TextRow | str] = (),
    stores: Sequence[int] = (1,),
) -> Tables:
    """All five tables of a night around New Year 2026."""
    return {
        "sales": [*sales],
        "inventory": [*inventory],
        "calendar": [*calendar_rows(date(2025, 11, 30), date(2026, 2, 28))],
        "store": [*store_rows(stores)],
        "product": [*product_rows([9])],
    }


# The worked example of the data contract.
WORKED_SALES = [
    sale("01-04", "2", "20.00"),
    sale("01-05", "4", "40.00"),
    sale("01-05", "1", "5.00", trans_id=2),
    sale("01-06", "2", "18.00"),
    sale("01-07", "1", "10.00"),
    sale("01-10", "-1", "-10.00"),
]
WORKED_STOCK = [
    stock("01-04", "5"),
    stock("01-05", "3"),
    stock("01-06", "0", "10", "1"),
    stock("01-08", "9"),
    stock("01-09", "9", "4", "1"),
    stock("01-10", "8", "4"),
]
WORKED_ROW: FactRow = {
    "year_number": 2026,
    "week_number": 2,
    "week_start_date": date(2026, 1, 4),
    "week_end_date": date(2026, 1, 10),
    "store_key": 1,
    "product_key": 9,
    "is_complete_week": True,
    "days_in_week": 7,
    "total_sales_qty": Decimal(9),
    "total_sales_amt": Decimal(83),
    "avg_sales_price": 83 / 9,
    "week_end_on_hand_qty": Decimal(8),
    "week_end_on_order_qty": Decimal(4),
    "stock_as_of_date": date(2026, 1, 10),
    "total_sales_cost": Decimal(9),
    "in_stock_rate": 1 - 2 / 7,
    "total_low_stock_impact": 4,
    "potential_low_stock_impact": Decimal(36),
    "no_stock_impact": Decimal(18),
    "low_stock_instances": 2,
    "out_of_stock_rate": 2 / 7,
    "no_stock_instances": 2,
    "weeks_of_supply": 8 / 9,
}
