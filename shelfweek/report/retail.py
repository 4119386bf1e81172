"""Retail's part of a report: the weeks that changed, and how the newest complete one went."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shelfweek.engine import Row, Session
from shelfweek.report.tables import count, new_table, number, one_line, percent

WORST = 10


def read_section(session: Session, run_ids: Sequence[str]) -> list[RenderableType]:
    """Read what some runs changed, and the newest complete week."""
    week = _newest_complete_week(session)
    changed = _weeks_line(_weeks_of(session, run_ids))
    if week is None:
        return [changed, "", "No week is complete yet, so there is no headline."]
    no_stock, low_stock = "no_stock_impact", "potential_low_stock_impact"
    return [
        changed,
        "",
        _headline_table(_headline(session, week)),
        _ranking(
            "Most sales on days without stock (no-stock impact)", _worst(session, week, no_stock)
        ),
        _ranking(
            "Most sales beyond the stock on hand (low-stock impact)",
            _worst(session, week, low_stock),
        ),
        _supply_table(_supply(session, week)),
    ]


def _weeks_of(session: Session, run_ids: Sequence[str]) -> list[Row]:
    ids = ", ".join(f"'{run_id}'" for run_id in run_ids) or "null"
    return session.query(
        "select partition_date as week_end_date, max_by(row_count, run_number) as row_count "
        f"from runs where run_id in ({ids}) and table_name = 'fct_weekly_sales_inventory' "
        "group by partition_date order by partition_date"
    )


def _newest_complete_week(session: Session) -> str | None:
    """The end of the newest complete week, by pointers: of all weeks, two are read at most."""
    passed = session.query(
        "select partition_date as week_end_date from ("
        "  select partition_date, max_by(row_count, run_number) as row_count, "
        "         (select max(as_of_date) from runs) as as_of_date "
        "  from runs where table_name = 'fct_weekly_sales_inventory' "
        "  group by partition_date"
        ") where row_count > 0 and partition_date <= as_of_date order by 1 desc limit 2"
    )
    # A calendar that ends in mid-week has cut off its last one.
    ends = ", ".join(f"date'{row['week_end_date']}'" for row in passed) or "null"
    (newest,) = session.query(
        "select max(week_end_date) as week from fct_weekly_sales_inventory "
        f"where week_end_date in ({ends}) and is_complete_week"
    )
    return None if newest["week"] is None else str(newest["week"])


def _headline(session: Session, week: str) -> Row:
    rows = session.query(
        "select max(year_number) as year_number, max(week_number) as week_number, "
        "min(week_start_date) as week_start_date, max(week_end_date) as week_end_date, "
        "count(distinct store_key) as stores, "
        "sum(total_sales_qty) as sales_qty, sum(total_sales_amt) as sales_amt, "
        "sum(total_sales_cost) as sales_cost, "
        "1 - sum(no_stock_instances) / sum(days_in_week) as in_stock_rate, "
        "sum(no_stock_impact) as no_stock_impact, "
        "sum(potential_low_stock_impact) as low_stock_impact "
        f"from fct_weekly_sales_inventory where week_end_date = date'{week}'"
    )
    return rows[0]


def _worst(session: Session, week: str, metric: str) -> list[Row]:
    return session.query(
        f"select {_NAMES}, fact.{metric} as impact, fact.no_stock_instances, "
        "fact.low_stock_instances, fact.in_stock_rate "
        f"{_with_names(week)} where fact.{metric} > 0 "
        f"order by fact.{metric} desc, fact.store_key, fact.product_key limit {WORST}"
    )


def _supply(session: Session, week: str) -> list[Row]:
    columns = (
        f"{_NAMES}, fact.weeks_of_supply, fact.week_end_on_hand_qty, fact.week_end_on_order_qty, "
        "fact.total_sales_qty"
    )
    ends = (
        f"(select {columns} {_with_names(week)} where fact.weeks_of_supply is not null "
        f"order by fact.weeks_of_supply {direction}, fact.store_key, fact.product_key limit 3)"
        for direction in ("asc", "desc")
    )
    return session.query(f"select * from ({' union '.join(ends)}) order by weeks_of_supply")


_NAMES = (
    "coalesce(store.store_desc, concat('unknown store ', fact.store_key)) as store, "
    "coalesce(product.prod_name, concat('unknown product ', fact.product_key)) as product"
)


def _with_names(week: str) -> str:
    return (
        "from ("
        f"  select * from fct_weekly_sales_inventory where week_end_date = date'{week}'"
        ") as fact "
        "left join dim_store as store using (store_key) "
        "left join dim_product as product using (product_key)"
    )


def _weeks_line(weeks: Sequence[Row]) -> str:
    kept = [week for week in weeks if week["row_count"]]
    gone = len(weeks) - len(kept)
    rows = sum(week["row_count"] for week in kept)
    if not weeks:
        return "No week changed."
    line = (
        f"Weeks touched: {len(weeks)}, ending {weeks[0]['week_end_date']} to "
        f"{weeks[-1]['week_end_date']}; rows published: {rows:,}."
    )
    return line + (f" Weeks that lost all their rows: {gone}." if gone else "")


def _headline_table(headline: Row) -> Table:
    table = new_table(
        f"Week {headline['year_number']}-{headline['week_number']:02d}, "
        f"{headline['week_start_date']} to {headline['week_end_date']}: the newest complete one"
    )
    values = {
        "stores": count(headline["stores"]),
        "sales qty": number(headline["sales_qty"], 0),
        "sales amount": number(headline["sales_amt"], 2),
        "cost": number(headline["sales_cost"], 2),
        "in stock": percent(headline["in_stock_rate"]),
        "no-stock impact": number(headline["no_stock_impact"], 2),
        "low-stock impact": number(headline["low_stock_impact"], 2),
    }
    for name in values:
        table.add_column(name, justify="right")
    table.add_row(*values.values())
    return table


def _ranking(title: str, rows: list[Row]) -> RenderableType:
    if not rows:
        return Group(Text(title, style="bold"), Text("  none in this week"))
    table = new_table(title)
    table.add_column("")
    table.add_column("store", overflow="ellipsis", no_wrap=True, max_width=22)
    table.add_column("product", overflow="ellipsis", no_wrap=True, max_width=26)
    for name in ("impact", "days out", "days low", "in stock"):
        table.add_column(name, justify="right", min_width=len(name))
    for place, row in enumerate(rows, start=1):
        table.add_row(
            str(place),
            one_line(row["store"]),
            one_line(row["product"]),
            number(row["impact"], 2),
            str(row["no_stock_instances"]),
            str(row["low_stock_instances"]),
            percent(row["in_stock_rate"]),
        )
    return table


def _supply_table(rows: list[Row]) -> RenderableType:
    title = "Shortest and longest weeks of supply"
    if not rows:
        return Group(Text(title, style="bold"), Text("  no stock was counted in this week"))
    table = new_table(title)
    table.add_column("store", overflow="ellipsis", no_wrap=True, max_width=22)
    table.add_column("product", overflow="ellipsis", no_wrap=True, max_width=26)
    for name in ("weeks", "on hand", "on order", "sold"):
        table.add_column(name, justify="right", min_width=len(name))
    for row in rows:
        table.add_row(
            one_line(row["store"]),
            one_line(row["product"]),
            number(row["weeks_of_supply"], 1),
            number(row["week_end_on_hand_qty"], 1),
            number(row["week_end_on_order_qty"], 1),
            number(row["total_sales_qty"], 1),
        )
    return table
