"""What a data test of dbt found, in words."""

from __future__ import annotations

import re
from typing import Any

from shelfweek.engine import Engine, EngineError, Row
from shelfweek.printable import printable

SHOWN = 5
"""Findings of a test that are told; the others are counted."""


def warning_of(engine: Engine, node: Any) -> str:
    """Return what a test that only warns found; node: dbt's result of the test."""
    return _indented(f'test "{_sentence(node)}" found:', _findings(engine, node))


def failure_of(engine: Engine, node: Any) -> str:
    """Return what a test found, what that means, and where its SQL is; node: as warning_of."""
    lines = _findings(engine, node)
    if meaning := _header_of(node):
        lines.append(meaning)
    return _indented(f"{failed(node)}:", [*lines, f"SQL: {node.node.compiled_path}"])


def failed(node: Any) -> str:
    """Return which test failed."""
    return f'test "{_sentence(node)}" failed'


def first_rows(engine: Engine, node: Any, order: str = "") -> list[Row]:
    """Read the first rows that a test complains of.

    order: an `order by` clause.

    Raises:
        EngineError: they cannot be read.
    """
    # The test may end in a comment.
    sql = f"select * from (\n{node.node.compiled_code}\n) {order} limit {SHOWN}"
    return engine.query(sql)


def and_more(node: Any, rows: list[Row]) -> list[str]:
    """Return a line that counts the test's rows beyond these, if there are any."""
    more = int(node.failures or 0) - len(rows)
    return [f"and {more:,} more"] if more > 0 else []


def _findings(engine: Engine, node: Any) -> list[str]:
    """A line for each row: its column `finding`, or the names and values of all columns."""
    try:
        rows = first_rows(engine, node)
    except EngineError as error:
        return [f"{node.failures} rows, which cannot be read: {error}"]
    return [*map(_told, rows), *and_more(node, rows)]


def _told(row: Row) -> str:
    if "finding" in row:
        return printable(str(row["finding"]))
    return printable(", ".join(f"{name} {value}" for name, value in row.items()))


def _indented(title: str, lines: list[str]) -> str:
    return "\n    ".join([title, *lines])


def own_name(node: Any) -> str:
    """Return a test's name without the domain's, which makes it unique in the project."""
    return re.sub("^[a-z0-9_]+__(?=assert_)", "", str(node.node.name))


def _sentence(node: Any) -> str:
    """The name of a test, which is a sentence, as one."""
    return own_name(node).removeprefix("assert_").replace("_", " ")


def _header_of(node: Any) -> str:
    """The comment that a singular test begins with: what a failure means and what to do."""
    lines = []
    for line in str(node.node.raw_code).splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)
