"""What a run did, and how the newest complete week went, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from shelfweek.domain import Domain
from shelfweek.engine import Engine, Row, Session
from shelfweek.night import Outcome
from shelfweek.printable import printable, printable_lines

WORST = 10


@dataclass(frozen=True)
class Report:
    """The figures of a report.

    Attributes:
        counts: one row per load date and raw table of the runs.
        reasons: (load date, table) to reason to number of rejected rows.
        weeks: one row per published week of the runs.
        headline: the newest complete week's totals; None where no week is complete.
        by_no_stock, by_low_stock: the worst store-products of that week, worst first.
        supply: the shortest and longest weeks of supply of that week.
    """

    counts: list[Row]
    reasons: dict[tuple[str, str], dict[str, int]]
    weeks: list[Row]
    headline: Row | None
    by_no_stock: list[Row]
    by_low_stock: list[Row]
    supply: list[Row]


def read_report(
    engine: Engine, domain: Domain, run_ids: Sequence[str], load_dates: Sequence[date]
) -> Report:
    """Read the figures of some runs from the published tables of a domain."""
    tables = ", ".join(f"'{table}'" for table in domain.raw_tables)
    dates = ", ".join(f"date'{day}'" for day in load_dates) or "null"
    ids = ", ".join(f"'{run_id}'" for run_id in run_ids) or "null"
    with engine.session() as session:
        counts = session.query(
            f"select * from {engine.marts('load_row_counts')} where load_date in ({dates}) "
            f"order by load_date, array_position(array({tables}), raw_table)"
        )
        rejected = session.query(
            f"select load_date, table_name, reason, count(*) as row_count "
            f"from {engine.marts('rejected_rows')} where load_date in ({dates}) "
            "group by load_date, table_name, reason order by reason"
        )
        weeks = session.query(
            "select partition_date as week_end_date, max_by(row_count, run_number) as row_count "
            f"from {engine.marts('runs')} where run_id in ({ids}) "
            "and table_name = 'fct_weekly_sales_inventory' "
            "group by partition_date order by partition_date"
        )
        week = _newest_complete_week(session, engine)
        return Report(
            counts=counts,
            reasons=_by_table(rejected),
            weeks=weeks,
            headline=_headline(session, engine, week) if week else None,
            by_no_stock=_worst(session, engine, week, "no_stock_impact") if week else [],
            by_low_stock=_worst(session, engine, week, "potential_low_stock_impact")
            if week
            else [],
            supply=_supply(session, engine, week) if week else [],
        )


def _newest_complete_week(session: Session, engine: Engine) -> str | None:
    """The end of the newest complete week, by pointers: of all weeks, two are read at most."""
    passed = session.query(
        "select partition_date as week_end_date from ("
        "  select partition_date, max_by(row_count, run_number) as row_count, "
        f"         (select max(as_of_date) from {engine.marts('runs')}) as as_of_date "
        f"  from {engine.marts('runs')} where table_name = 'fct_weekly_sales_inventory' "
        "  group by partition_date"
        ") where row_count > 0 and partition_date <= as_of_date order by 1 desc limit 2"
    )
    # A calendar that ends in mid-week has cut off its last one.
    ends = ", ".join(f"date'{row['week_end_date']}'" for row in passed) or "null"
    (newest,) = session.query(
        f"select max(week_end_date) as week from {engine.marts('fct_weekly_sales_inventory')} "
        f"where week_end_date in ({ends}) and is_complete_week"
    )
    return None if newest["week"] is None else str(newest["week"])


def _headline(session: Session, engine: Engine, week: str) -> Row:
    rows = session.query(
        "select max(year_number) as year_number, max(week_number) as week_number, "
        "min(week_start_date) as week_start_date, max(week_end_date) as week_end_date, "
        "count(distinct store_key) as stores, "
        "sum(total_sales_qty) as sales_qty, sum(total_sales_amt) as sales_amt, "
        "sum(total_sales_cost) as sales_cost, avg(in_stock_rate) as in_stock_rate, "
        "sum(no_stock_impact) as no_stock_impact, "
        "sum(potential_low_stock_impact) as low_stock_impact "
        f"from {engine.marts('fct_weekly_sales_inventory')} where week_end_date = date'{week}'"
    )
    return rows[0]


def _worst(session: Session, engine: Engine, week: str, metric: str) -> list[Row]:
    return session.query(
        f"select {_NAMES}, fact.{metric} as impact, fact.no_stock_instances, "
        "fact.low_stock_instances, fact.in_stock_rate "
        f"{_with_names(engine, week)} where fact.{metric} > 0 "
        f"order by fact.{metric} desc, fact.store_key, fact.product_key limit {WORST}"
    )


def _supply(session: Session, engine: Engine, week: str) -> list[Row]:
    columns = (
        f"{_NAMES}, fact.weeks_of_supply, fact.week_end_on_hand_qty, fact.week_end_on_order_qty, "
        "fact.total_sales_qty"
    )
    ends = (
        f"(select {columns} {_with_names(engine, week)} where fact.weeks_of_supply is not null "
        f"order by fact.weeks_of_supply {direction}, fact.store_key, fact.product_key limit 3)"
        for direction in ("asc", "desc")
    )
    return session.query(f"select * from ({' union '.join(ends)}) order by weeks_of_supply")


_NAMES = (
    "coalesce(store.store_desc, concat('unknown store ', fact.store_key)) as store, "
    "coalesce(product.prod_name, concat('unknown product ', fact.product_key)) as product"
)


def _with_names(engine: Engine, week: str) -> str:
    fact = engine.marts("fct_weekly_sales_inventory")
    return (
        f"from (select * from {fact} where week_end_date = date'{week}') as fact "
        f"left join {engine.marts('dim_store')} as store using (store_key) "
        f"left join {engine.marts('dim_product')} as product using (product_key)"
    )


def _by_table(rejected: list[Row]) -> dict[tuple[str, str], dict[str, int]]:
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for row in rejected:
        table = reasons.setdefault((str(row["load_date"]), row["table_name"]), {})
        table[row["reason"]] = row["row_count"]
    return reasons


def print_report(console: Console, report: Report, outcomes: Sequence[Outcome]) -> None:
    """Print what a person should look at, what some runs did, then the newest complete week."""
    for outcome in outcomes:
        for warning in outcome.warnings:
            told = printable_lines(f"Warning, {outcome.title}: {warning}")
            console.print(Text(told, "yellow"), soft_wrap=True)
    if any(outcome.warnings for outcome in outcomes):
        console.print()
    if report.counts:
        console.print(_counts_table(report))
        if report.reasons:
            console.print(_reasons_table(report))
    if report.counts or report.weeks:
        console.print(_weeks_line(report))
    tests = sum(outcome.tests_passed for outcome in outcomes)
    if outcomes:
        console.print(Text(f"{tests} data tests passed.", style="green"))
    console.print()
    if report.headline is None:
        console.print("No week is complete yet, so there is no headline.")
        return
    console.print(_headline_table(report.headline))
    for renderable in _rankings(report):
        console.print(renderable)


def _counts_table(report: Report) -> Table:
    table = _table("Rows of the dumps")
    table.add_column("night", no_wrap=True)
    table.add_column("table")
    for name in ("read", "accepted", "duplicates", "rejected"):
        table.add_column(name, justify="right")
    for row, night in zip(report.counts, _once(report.counts), strict=True):
        if night and table.row_count:
            table.add_section()
        table.add_row(
            night,
            row["raw_table"],
            *(_count(row[f"rows_{what}"]) for what in ("read", "accepted", "duplicate")),
            _count(row["rows_rejected"]),
        )
    return table


def _reasons_table(report: Report) -> Table:
    """Rejected rows: one line per night and table, one column per reason that occurs."""
    table = _table("Rejected rows by reason (see rejected_rows)")
    names = sorted({name for reasons in report.reasons.values() for name in reasons})
    table.add_column("night", no_wrap=True)
    table.add_column("table")
    for name in names:
        table.add_column(
            name.replace("_", " "), justify="right", min_width=max(map(len, name.split("_")))
        )
    rows = [row for row in report.counts if row["rows_rejected"]]
    for row, night in zip(rows, _once(rows), strict=True):
        reasons = report.reasons.get((str(row["load_date"]), row["raw_table"]), {})
        table.add_row(night, row["raw_table"], *(_count(reasons.get(name, 0)) for name in names))
    return table


def _once(rows: list[Row]) -> list[str]:
    """The load date where it begins, then nothing until the next one begins."""
    dates = [str(row["load_date"]) for row in rows]
    return [day if day != before else "" for before, day in zip(["", *dates], dates, strict=False)]


def _weeks_line(report: Report) -> str:
    kept = [week for week in report.weeks if week["row_count"]]
    gone = len(report.weeks) - len(kept)
    rows = sum(week["row_count"] for week in kept)
    if not report.weeks:
        return "No week changed."
    line = (
        f"Weeks touched: {len(report.weeks)}, ending {report.weeks[0]['week_end_date']} to "
        f"{report.weeks[-1]['week_end_date']}; rows published: {rows:,}."
    )
    return line + (f" Weeks that lost all their rows: {gone}." if gone else "")


def _headline_table(headline: Row) -> Table:
    table = _table(
        f"Week {headline['year_number']}-{headline['week_number']:02d}, "
        f"{headline['week_start_date']} to {headline['week_end_date']}: the newest complete one"
    )
    values = {
        "stores": _count(headline["stores"]),
        "sales qty": _number(headline["sales_qty"], 0),
        "sales amount": _number(headline["sales_amt"], 2),
        "cost": _number(headline["sales_cost"], 2),
        "in stock": _percent(headline["in_stock_rate"]),
        "no-stock impact": _number(headline["no_stock_impact"], 2),
        "low-stock impact": _number(headline["low_stock_impact"], 2),
    }
    for name in values:
        table.add_column(name, justify="right")
    table.add_row(*values.values())
    return table


def _rankings(report: Report) -> list[RenderableType]:
    return [
        _ranking("Most sales on days without stock (no-stock impact)", report.by_no_stock),
        _ranking("Most sales beyond the stock on hand (low-stock impact)", report.by_low_stock),
        _supply_table(report.supply),
    ]


def _ranking(title: str, rows: list[Row]) -> RenderableType:
    if not rows:
        return Group(Text(title, style="bold"), Text("  none in this week"))
    table = _table(title)
    table.add_column("")
    table.add_column("store", overflow="ellipsis", no_wrap=True, max_width=22)
    table.add_column("product", overflow="ellipsis", no_wrap=True, max_width=26)
    for name in ("impact", "days out", "days low", "in stock"):
        table.add_column(name, justify="right", min_width=len(name))
    for place, row in enumerate(rows, start=1):
        table.add_row(
            str(place),
            _one_line(row["store"]),
            _one_line(row["product"]),
            _number(row["impact"], 2),
            str(row["no_stock_instances"]),
            str(row["low_stock_instances"]),
            _percent(row["in_stock_rate"]),
        )
    return table


def _supply_table(rows: list[Row]) -> RenderableType:
    title = "Shortest and longest weeks of supply"
    if not rows:
        return Group(Text(title, style="bold"), Text("  no stock was counted in this week"))
    table = _table(title)
    table.add_column("store", overflow="ellipsis", no_wrap=True, max_width=22)
    table.add_column("product", overflow="ellipsis", no_wrap=True, max_width=26)
    for name in ("weeks", "on hand", "on order", "sold"):
        table.add_column(name, justify="right", min_width=len(name))
    for row in rows:
        table.add_row(
            _one_line(row["store"]),
            _one_line(row["product"]),
            _number(row["weeks_of_supply"], 1),
            _number(row["week_end_on_hand_qty"], 1),
            _number(row["week_end_on_order_qty"], 1),
            _number(row["total_sales_qty"], 1),
        )
    return table


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def _one_line(text: str) -> Text:
    return Text(printable(" ".join(text.split())))


def _count(value: Any) -> str:
    return f"{value:,}"


def _number(value: Decimal | float | None, places: int) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
