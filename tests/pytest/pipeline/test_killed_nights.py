"""A server that is killed while retail publishes leaves whole weeks, and all numbers come right.

What a kill or a full disk does to a run of any domain stands in test_killed_runs.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from domains import RETAIL
from dumps import night_tables, sale, stock
from killable import Killable, killable_lake, nights_for
from lakes import FACT, Lake, assert_equals_reference_of
from reference.cases import TextRow, calendar_rows, write_dump

NIGHTS = nights_for(date(2026, 1, 14), chosen_moments=1)
STORES = range(1, 6)


@pytest.fixture(scope="module")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    """A lake of its own server that holds the first night."""
    folder = tmp_path_factory.mktemp("killed")
    landing = folder / "landing"
    for version, night in enumerate(NIGHTS):
        _write(landing, night, version)

    def expect_loaded(lake: Lake, nights: list[date]) -> None:
        assert_equals_reference_of(lake, landing, *nights)

    with killable_lake(folder, NIGHTS[0], RETAIL, FACT, expect_loaded) as killable:
        yield killable


def _write(landing: Path, load_date: date, version: int) -> None:
    """A night that restates every one of the last twenty days."""
    days = [(load_date - timedelta(days=age)).isoformat() for age in range(1, 21)]
    sales: list[TextRow | str] = [
        sale(day, "2", str(10 + store + version), store=store) for day in days for store in STORES
    ]
    inventory: list[TextRow | str] = [
        stock(day, str(version + 1), store=store) for day in days for store in STORES
    ]
    tables = night_tables(sales, inventory, STORES)
    tables["calendar"] = [*calendar_rows(date(2025, 11, 30), date(2026, 4, 4))]
    write_dump(landing, load_date, tables)


def test_a_kill_in_the_middle_of_publishing_leaves_every_week_whole(killable: Killable) -> None:
    killable.kill_while_publishing(FACT)


def test_kills_at_random_moments_lose_nothing(killable: Killable) -> None:
    """SHELFWEEK_KILLS says how many."""
    killable.kill_at_random_moments()
