"""What a run did, as tables for a terminal: what any domain's report begins with."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import ModuleType

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from shelfweek.domain import Domain
from shelfweek.engine import Engine, Row
from shelfweek.night import Outcome
from shelfweek.printable import printable_lines
from shelfweek.report.tables import count, new_table


@dataclass(frozen=True)
class Report:
    """The figures of a report.

    Attributes:
        counts: one row per load date and raw table of the runs.
        reasons: (load date, table) to reason to number of rejected rows.
        section: what the domain's own part shows.
    """

    counts: list[Row]
    reasons: dict[tuple[str, str], dict[str, int]]
    section: list[RenderableType]


def read_report(
    engine: Engine, domain: Domain, run_ids: Sequence[str], load_dates: Sequence[date]
) -> Report:
    """Read the figures of some runs from the published tables of a domain.

    What follows the counts is the domain's own: `read_section(session, run_ids)` in the module of
    its name beside this one returns what rich can print; its session uses the schema of the
    published tables. A domain needs none.
    """
    tables = ", ".join(f"'{table}'" for table in domain.raw_tables)
    dates = ", ".join(f"date'{day}'" for day in load_dates) or "null"
    with engine.session() as session:
        session.execute(f"use {engine.schema(domain.name, 'marts')}")
        counts = session.query(
            f"select * from load_row_counts where load_date in ({dates}) "
            f"order by load_date, array_position(array({tables}), raw_table)"
        )
        rejected = session.query(
            "select load_date, table_name, reason, count(*) as row_count "
            f"from rejected_rows where load_date in ({dates}) "
            "group by load_date, table_name, reason order by reason"
        )
        own = _own_part_of(domain)
        section = own.read_section(session, run_ids) if own else []
    return Report(counts, _by_table(rejected), section)


def _own_part_of(domain: Domain) -> ModuleType | None:
    name = f"{__name__}.{domain.name}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def _by_table(rejected: list[Row]) -> dict[tuple[str, str], dict[str, int]]:
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for row in rejected:
        table = reasons.setdefault((str(row["load_date"]), row["table_name"]), {})
        table[row["reason"]] = row["row_count"]
    return reasons


def print_report(console: Console, report: Report, outcomes: Sequence[Outcome]) -> None:
    """Print what a person should look at, what some runs did, then the domain's own part."""
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
    tests = sum(outcome.tests_passed for outcome in outcomes)
    if outcomes:
        console.print(Text(f"{tests} data tests passed.", style="green"))
    console.print()
    for renderable in report.section:
        console.print(renderable)


def _counts_table(report: Report) -> Table:
    table = new_table("Rows of the dumps")
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
            *(count(row[f"rows_{what}"]) for what in ("read", "accepted", "duplicate")),
            count(row["rows_rejected"]),
        )
    return table


def _reasons_table(report: Report) -> Table:
    """Rejected rows: one line per night and table, one column per reason that occurs."""
    table = new_table("Rejected rows by reason (see rejected_rows)")
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
        table.add_row(night, row["raw_table"], *(count(reasons.get(name, 0)) for name in names))
    return table


def _once(rows: list[Row]) -> list[str]:
    """The load date where it begins, then nothing until the next one begins."""
    dates = [str(row["load_date"]) for row in rows]
    return [day if day != before else "" for before, day in zip(["", *dates], dates, strict=False)]
