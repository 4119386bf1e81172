"""The months and years that whole files cover, as their names tell."""

from __future__ import annotations

import calendar
import re
from datetime import date

PERIODS = {
    "month": re.compile(r"\w+_[0-9]{8}_(?P<year>[0-9]{4})(?P<month>[0-9]{2})\.csv(?:\.gz)?"),
    "year": re.compile(r"\w+_[0-9]{8}_(?P<year>[0-9]{4})\.csv(?:\.gz)?"),
}
"""What a file's name looks like: its table, the date of its dump, and its period."""

EXAMPLES = {"month": "202610", "year": "2026"}
"""How a name ends, for messages."""


def covered_dates(name: str, period: str) -> tuple[date, date] | None:
    """The first and the last date of the period that a file of this name covers.

    Returns:
        None where the name tells no such period.
    """
    match = PERIODS[period].fullmatch(name)
    if not match:
        return None
    year = int(match["year"])
    months = (int(match["month"]),) * 2 if period == "month" else (1, 12)
    try:
        last_day = calendar.monthrange(year, months[1])[1]
        return date(year, months[0], 1), date(year, months[1], last_day)
    except ValueError:
        return None
