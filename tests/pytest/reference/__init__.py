"""An independent computation of the weekly fact, read from the data contract alone.

It shares no code with the project: plain Python and exact arithmetic for `compute`, plain DuckDB
SQL for `fast_fact`. Where the two and the project disagree, one of them is wrong.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from reference.checking import CheckedTable, Counts, Rejected, Row, check_night
from reference.contract import FACT_COLUMNS, INVENTORY, PRODUCT, SALES, STORE, Table
from reference.duck import fast_fact
from reference.reading import Night, NightError, find_load_dates
from reference.weekly import FactRow, FactValue, weekly_fact

__all__ = [
    "FACT_COLUMNS",
    "Counts",
    "FactRow",
    "FactValue",
    "NightError",
    "Reference",
    "Rejected",
    "compute",
    "fast_fact",
]


@dataclass(frozen=True)
class Reference:
    """What a run over some nights must arrive at.

    `fact` is sorted by its key, `counts` and `bad_columns` are per night and table, and
    `bad_columns` counts for each column the rows rejected as bad_value or bad_flag because of it.
    """

    as_of_date: date
    fact: list[FactRow]
    counts: dict[tuple[date, str], Counts]
    rejected: list[Rejected]
    bad_columns: dict[tuple[date, str], Counter[str]]
    unknown_stores: frozenset[int]
    unknown_products: frozenset[int]


def compute(landing: Path, load_dates: Sequence[date] | None = None) -> Reference:
    """Apply the whole contract to the given load dates, or to all in the landing folder.

    The order of `load_dates` does not matter. Raises `NightError` where a file that the manifest
    names, one of the five tables or one of their columns is missing.
    """
    chosen = sorted(find_load_dates(landing) if load_dates is None else set(load_dates))
    if not chosen:
        raise NightError("no load date in the landing folder")
    nights = {load_date: check_night(Night(landing, load_date)) for load_date in chosen}
    as_of = chosen[-1] - timedelta(days=1)
    newest = nights[chosen[-1]]
    fact = weekly_fact(
        _restated(nights, SALES),
        _restated(nights, INVENTORY),
        newest["calendar"].accepted,
        as_of,
    )
    checked = {(day, name): table for day, night in nights.items() for name, table in night.items()}
    return Reference(
        as_of_date=as_of,
        fact=fact,
        counts={key: table.counts for key, table in checked.items()},
        rejected=sorted(reject for table in checked.values() for reject in table.rejected),
        bad_columns={key: table.bad_columns for key, table in checked.items()},
        unknown_stores=_unknown(fact, "store_key", newest, STORE),
        unknown_products=_unknown(fact, "product_key", newest, PRODUCT),
    )


def _restated(nights: dict[date, dict[str, CheckedTable]], table: Table) -> list[Row]:
    """Rows of each business date from the newest night that covers the date."""
    rows: list[Row] = []
    taken: set[date] = set()
    for load_date in sorted(nights, reverse=True):
        checked = nights[load_date][table.name]
        rows += [row for row in checked.accepted if row[table.date_position] not in taken]
        taken |= checked.covered_dates
    return rows


def _unknown(
    fact: list[FactRow], column: str, newest: dict[str, CheckedTable], dimension: Table
) -> frozenset[int]:
    """Keys of the fact that the newest dimension does not have."""
    position = dimension.position(dimension.key[0])
    known = {row[position] for row in newest[dimension.name].accepted}
    keys = (row[column] for row in fact)
    return frozenset(key for key in keys if isinstance(key, int) and key not in known)
