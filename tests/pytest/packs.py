"""Many small random dumps packed into one: a night on a real server is too slow for each alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reference.cases import Night, Tables, TextRow, nights_within, trailing_window

# Stores of different examples lie this far apart, so that they cannot meet.
STRIDE = 100_000
_WIDEST_WINDOW = 10

T = TypeVar("T")


def examples_of(strategy: st.SearchStrategy[T], number: int) -> list[T]:
    """That many examples of a strategy, the same ones every time."""
    found: list[T] = []

    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def gather(example: T) -> None:
        found.append(example)

    gather()
    return found


def packed_nights(
    calendar: list[TextRow],
    load_dates: list[date],
    number: int,
    *,
    dirty: bool = False,
    with_manifest: Sequence[date] = (),
) -> list[Night]:
    """Nights that hold the rows of many examples of `nights_within`, each with stores of its own.

    A store's key names the example that it came from: example 3 has the stores 300001, 300002 and
    the unknown 300099.
    """
    examples = examples_of(nights_within(calendar, load_dates, dirty=dirty), number)
    return [
        _merged(day, [example[place] for example in examples], dirty, day in with_manifest)
        for place, day in enumerate(load_dates)
    ]


def _merged(load_date: date, nights: Sequence[Night], dirty: bool, has_manifest: bool) -> Night:
    tables: Tables = {
        name: [
            _moved(row, number * STRIDE)
            for number, night in enumerate(nights)
            # Whole calendars over and over would be nothing but duplicates.
            if dirty or number == 0 or name not in ("calendar", "product")
            for row in night.tables[name]
        ]
        for name in nights[0].tables
    }
    covers = trailing_window(load_date, _WIDEST_WINDOW) if has_manifest else None
    return Night(load_date, tables, covers)


def _moved(row: TextRow | str, offset: int) -> TextRow | str:
    """The row with its store's key, if that is one, so much higher."""
    if isinstance(row, str) or not (row.get("STORE_KEY") or "").isdigit():
        return row
    store = row["STORE_KEY"] or ""
    zero = "0" if store.startswith("0") else ""
    return {**row, "STORE_KEY": f"{zero}{int(store) + offset}"}
