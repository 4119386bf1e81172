"""Why a night with too many rejected rows was stopped, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal
from typing import Any

from shelfweek.engine import Engine, Row
from shelfweek.findings import SHOWN, and_more, failed, first_rows
from shelfweek.limits import Limits
from shelfweek.make_command import make_command
from shelfweek.printable import printable

REJECTED_SHARE_TEST = "assert_rejected_share_is_within_limit"

EXAMPLES = 3
"""Rows shown of each reason and column."""

ROW_LENGTH = 120


@dataclass(frozen=True)
class Again:
    """The run, as a person would start it again. domain: its name. lake: its folder."""

    domain: str
    landing: str
    lake: str
    load_date: date
    is_full_refresh: bool
    limits: Limits

    def command(self, share: Decimal) -> str:
        """Return the command that starts it with another limit of rejected rows."""
        variables = {"LANDING": self.landing, "LAKE": self.lake, "LOAD_DATE": str(self.load_date)}
        if self.is_full_refresh:
            variables["FULL_REFRESH"] = "1"
        if self.limits.accept_shrink:
            variables["ACCEPT_SHRINK"] = "1"
        variables["MAX_REJECTED_SHARE"] = f"{share.normalize():f}"
        return make_command("run", domain=self.domain, **variables)


def rejects_over_limit(engine: Engine, node: Any, again: Again) -> str:
    """Return what was rejected of each table over the limit, with examples and what to do.

    node: dbt's result of REJECTED_SHARE_TEST, which has a row per load date and raw table.

    Raises:
        EngineError: the rows cannot be read.
    """
    tables = first_rows(engine, node, "order by rows_rejected / rows_read desc")
    lines = [f"{failed(node)}:"]
    for table in tables:
        lines += [_share_line(table), *_reasons(engine, again.domain, table)]
    lines += and_more(node, tables)
    names = sorted({table["raw_table"] for table in tables})
    are_these = " or ".join(f"table_name = '{name}'" for name in names)
    query = f"select * from {_rejected_rows(engine, again.domain)} where {are_these}"
    enough = _share(tables[0]).quantize(Decimal("0.01"), ROUND_UP)
    lines += [
        "All of them:",
        f"  {make_command('sql', domain=again.domain, LAKE=again.lake, Q=query)}",
        "Mend the source and unload the night again, or raise the limit for one run:",
        f"  {again.command(enough)}",
    ]
    return "\n    ".join(lines)


def _share(table: Row) -> Decimal:
    return Decimal(table["rows_rejected"]) / Decimal(table["rows_read"])


def _share_line(table: Row) -> str:
    return (
        f"{table['raw_table']} of {table['load_date']}: {table['rows_rejected']:,} of "
        f"{table['rows_read']:,} rows were rejected, {_percent(_share(table))}; the limit "
        f"(max_rejected_share) is {_percent(Decimal(table['max_rejected_share']))}"
    )


def _reasons(engine: Engine, domain: str, table: Row) -> list[str]:
    """By reason and column: how many rows, and the first ones."""
    rejected = (
        f"{_rejected_rows(engine, domain)} where load_date = date'{table['load_date']}' "
        f"and table_name = '{table['raw_table']}'"
    )
    with engine.session() as session:
        counts = session.query(
            "select reason, column_name, sum(coalesce(line_count, 1)) as row_count "
            f"from {rejected} group by reason, column_name order by row_count desc, reason"
        )
        examples = session.query(
            "select * from (select *, row_number() over (partition by reason, column_name "
            f"order by file_name, line_number, raw_row) as place from {rejected}) "
            f"where place <= {EXAMPLES} order by place"
        )
    lines = []
    for count in counts[:SHOWN]:
        column = f" in {count['column_name']}" if count["column_name"] else ""
        lines.append(f"  {count['row_count']:,} {count['reason']}{column}:")
        lines += [f"    {_example(row)}" for row in examples if _kind(row) == _kind(count)]
    others = sum(count["row_count"] for count in counts[SHOWN:])
    return lines + ([f"  {others:,} for other reasons or columns"] if others else [])


def _kind(row: Row) -> tuple[str, str | None]:
    return row["reason"], row["column_name"]


def _example(row: Row) -> str:
    line = "" if row["line_number"] is None else f", line {row['line_number']}"
    text = row["raw_row"]
    shortened = text if len(text) <= ROW_LENGTH else f"{text[:ROW_LENGTH]}…"
    return printable(f"{row['file_name']}{line}: {shortened}")


def _rejected_rows(engine: Engine, domain: str) -> str:
    return f"{engine.schema(domain, 'intermediate')}.int_rejected_rows"


def _percent(share: Decimal) -> str:
    return f"{float(100 * share):.3g} %"
