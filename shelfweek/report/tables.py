"""How a report's tables and figures look on a terminal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from shelfweek.printable import printable


def new_table(title: str) -> Table:
    """Return an empty table."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def one_line(text: str) -> Text:
    """Return a text from a dump, without its line ends and control characters."""
    return Text(printable(" ".join(text.split())))


def count(value: Any) -> str:
    """Return a whole number as text."""
    return f"{value:,}"


def number(value: Decimal | float | None, places: int) -> str:
    """Return a number with so many decimals, or a dash."""
    return "-" if value is None else f"{value:,.{places}f}"


def percent(value: float | None) -> str:
    """Return a share from 0 to 1 in percent, or a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"
