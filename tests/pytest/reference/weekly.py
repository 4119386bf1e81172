"""The weekly fact, by exact arithmetic on whole numbers and fractions."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from operator import itemgetter
from typing import cast

from reference.checking import DECIMAL_PLACES, Row, Value, weeks_by_date
from reference.contract import FACT_COLUMNS, INVENTORY, SALES, Table

FactValue = int | float | bool | date | Decimal | None
FactRow = dict[str, FactValue]

_UNIT = 10**DECIMAL_PLACES
_IMPACT_PLACES = 6


@dataclass
class _Stock:
    """One inventory row."""

    on_hand: int | None
    on_order: int | None
    out_of_stock: int


@dataclass
class _Day:
    """Summed sales and the stock of one store and product on one day, in fourth decimals."""

    qty: int = 0
    amt: int = 0
    cost: int = 0
    stock: _Stock | None = None

    @property
    def is_low(self) -> bool:
        """Whether less was on hand than was sold."""
        stock = self.stock
        return stock is not None and stock.on_hand is not None and stock.on_hand < self.qty

    @property
    def is_out(self) -> bool:
        """Whether the stock row says out of stock."""
        return self.stock is not None and self.stock.out_of_stock == 1

    @property
    def low_impact(self) -> Fraction:
        """Amount sold beyond the stock of a low day, at that day's own price."""
        assert self.stock is not None and self.stock.on_hand is not None
        if self.qty == 0:
            return Fraction(self.amt, _UNIT)
        stock_amt = Fraction(self.stock.on_hand * self.amt, self.qty * _UNIT)
        return Fraction(self.amt, _UNIT) - stock_amt


@dataclass
class _Week:
    """One week of the calendar."""

    year: int
    number: int
    days: list[date] = field(default_factory=list)

    @property
    def start(self) -> date:
        """The calendar's first day of the week."""
        return min(self.days)

    @property
    def end(self) -> date:
        """The calendar's last day of the week."""
        return max(self.days)

    def is_whole(self, calendar_days: Collection[date]) -> bool:
        """Whether the calendar, with these days, does not cut it off."""
        return len(self.days) == 7 or any(
            self.end + timedelta(days=ahead) in calendar_days for ahead in range(1, 8)
        )


def weekly_fact(
    sales: Iterable[Row], inventory: Iterable[Row], calendar: Iterable[Row], as_of: date
) -> list[FactRow]:
    """One row per week x store x product, in the order of its key."""
    week_of_date = weeks_by_date(calendar)
    weeks: dict[tuple[int, int], _Week] = {}
    for day, key in week_of_date.items():
        weeks.setdefault(key, _Week(*key)).days.append(day)
    grouped: defaultdict[tuple[tuple[int, int], int, int], dict[date, _Day]] = defaultdict(dict)
    for (day, store, product), daily in _daily(sales, inventory).items():
        if day in week_of_date:
            grouped[week_of_date[day], store, product][day] = daily
    return [
        _fact_row(weeks[key], store, product, days, as_of, weeks[key].is_whole(week_of_date))
        for (key, store, product), days in sorted(grouped.items(), key=lambda item: item[0])
    ]


def _daily(sales: Iterable[Row], inventory: Iterable[Row]) -> dict[tuple[date, int, int], _Day]:
    """Sales and stock of each day, store and product that has either."""
    days: defaultdict[tuple[date, int, int], _Day] = defaultdict(_Day)
    pick = _picker(SALES, "TRANS_DT STORE_KEY PROD_KEY SALES_QTY SALES_AMT SALES_COST")
    for row in sales:
        day, store, product, qty, amt, cost = pick(row)
        daily = days[cast(date, day), cast(int, store), cast(int, product)]
        daily.qty += cast(int, qty or 0)
        daily.amt += cast(int, amt or 0)
        daily.cost += cast(int, cost or 0)
    pick = _picker(
        INVENTORY,
        "CAL_DT STORE_KEY PROD_KEY INVENTORY_ON_HAND_QTY INVENTORY_ON_ORDER_QTY OUT_OF_STOCK_FLG",
    )
    for row in inventory:
        day, store, product, on_hand, on_order, flag = pick(row)
        days[cast(date, day), cast(int, store), cast(int, product)].stock = _Stock(
            cast(int | None, on_hand), cast(int | None, on_order), cast(int, flag or 0)
        )
    return days


def _picker(table: Table, columns: str) -> Callable[[Row], tuple[Value, ...]]:
    """A function that picks named columns out of a table's rows."""
    return itemgetter(*(table.position(column) for column in columns.split()))


def _fact_row(
    week: _Week, store: int, product: int, days: dict[date, _Day], as_of: date, is_whole: bool
) -> FactRow:
    days_in_week = sum(day <= as_of for day in week.days)
    qty = sum(daily.qty for daily in days.values())
    amt = sum(daily.amt for daily in days.values())
    low_days = [daily for daily in days.values() if daily.is_low]
    out_days = [daily for daily in days.values() if daily.is_out]
    out_of_stock_rate = len(out_days) / days_in_week
    stock_day, stock = _last_stock(days)
    on_hand = stock.on_hand if stock else None
    row: FactRow = {
        "year_number": week.year,
        "week_number": week.number,
        "week_start_date": week.start,
        "week_end_date": week.end,
        "store_key": store,
        "product_key": product,
        "is_complete_week": is_whole and week.end <= as_of,
        "days_in_week": days_in_week,
        "total_sales_qty": _decimal(qty),
        "total_sales_amt": _decimal(amt),
        "avg_sales_price": float(Fraction(amt, qty)) if qty else None,
        "week_end_on_hand_qty": _decimal_or_none(on_hand),
        "week_end_on_order_qty": _decimal_or_none(stock.on_order if stock else None),
        "stock_as_of_date": stock_day,
        "total_sales_cost": _decimal(sum(daily.cost for daily in days.values())),
        "in_stock_rate": 1 - out_of_stock_rate,
        "total_low_stock_impact": len(out_days) + len(low_days),
        "potential_low_stock_impact": _half_up(
            sum((daily.low_impact for daily in low_days), start=Fraction(0))
        ),
        "no_stock_impact": _decimal(sum(daily.amt for daily in out_days)),
        "low_stock_instances": len(low_days),
        "out_of_stock_rate": out_of_stock_rate,
        "no_stock_instances": len(out_days),
        "weeks_of_supply": _weeks_of_supply(on_hand, qty),
    }
    assert tuple(row) == FACT_COLUMNS
    return row


def _last_stock(days: dict[date, _Day]) -> tuple[date | None, _Stock | None]:
    """The last day with a counted quantity on hand, and its stock row."""
    counted = {
        day: daily.stock
        for day, daily in days.items()
        if daily.stock is not None and daily.stock.on_hand is not None
    }
    if not counted:
        return None, None
    last = max(counted)
    return last, counted[last]


def _weeks_of_supply(on_hand: int | None, qty: int) -> float | None:
    return float(Fraction(on_hand, qty)) if on_hand is not None and qty > 0 else None


def _decimal(fourth_decimals: int) -> Decimal:
    return Decimal(fourth_decimals).scaleb(-DECIMAL_PLACES)


def _decimal_or_none(fourth_decimals: int | None) -> Decimal | None:
    return None if fourth_decimals is None else _decimal(fourth_decimals)


def _half_up(amount: Fraction) -> Decimal:
    """Rounded to six decimals, ties away from zero."""
    magnitude = int(abs(amount) * 10**_IMPACT_PLACES + Fraction(1, 2))
    return Decimal(-magnitude if amount < 0 else magnitude).scaleb(-_IMPACT_PLACES)
