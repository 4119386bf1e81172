"""A lake for tests: loads nights into it, reads it back, and compares it with the reference."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from domains import RETAIL
from reference import Reference, compute

from sandbox.glue_catalog import partition_folders
from shelfweek.domain import Domain
from shelfweek.engine import Engine, Row
from shelfweek.landing import Landing
from shelfweek.limits import AS_CONFIGURED, Limits
from shelfweek.night import DbtProject, Outcome, Progress, run_nights
from shelfweek.rebuild import ALL, rebuild

FACT = "fct_weekly_sales_inventory"
KEY = ("year_number", "week_number", "store_key", "product_key")
LAYERS = ("raw", "staging", "intermediate", "marts")

Contents = dict[str, list[Row]]
"""The rows of published tables by table."""

# Ratios are doubles; a day's stock amount is a division, rounded to six decimals before it is
# summed over the week, which the reference does not do.
_RELATIVE = 1e-12
_IMPACT_TOLERANCE = Decimal("0.000005")

ACCEPT_SHRINK = Limits(accept_shrink=True)
"""For random nights, which restate dates with any number of rows."""

# What tells one run from another, or follows from it, not from what came in.
_OF_THE_RUN = {"run_id", "rows_in_manifest"}


@dataclass
class Lake:
    """One lake: a folder, and schemas of their own on the shared server."""

    engine: Engine
    folder: Path
    project: DbtProject
    domain: Domain = RETAIL

    @property
    def uri(self) -> str:
        """The lake as Hadoop names it."""
        return f"file:{self.folder}"

    @property
    def home(self) -> Path:
        """The domain's folder."""
        return Path(self.domain.folder_in(str(self.folder)))

    def schema(self, layer: str) -> str:
        """The schema of one of the domain's layers."""
        return self.engine.schema(self.domain.name, layer)

    def published(self, table: str) -> str:
        """The full name of a published table."""
        return self.engine.marts(self.domain.name, table)

    def load(
        self,
        landing: Path,
        *nights: date,
        progress: Progress | None = None,
        limits: Limits = AS_CONFIGURED,
    ) -> list[Outcome]:
        """Load nights one after another, all of the landing if none is named."""
        scanned = Landing.scan(str(landing), self.domain)
        report = progress or (lambda what, seconds: None)
        return [
            run_nights(
                [scanned.open_night(day)],
                scanned,
                self.project,
                self.uri,
                progress=report,
                limits=limits,
            )
            for day in nights or scanned.nights
        ]

    def full_refresh(self, landing: Path, limits: Limits = AS_CONFIGURED) -> Outcome:
        """Rebuild the lake from all nights of a landing in one run."""
        scanned = Landing.scan(str(landing), self.domain)
        nights = [scanned.open_night(day) for day in scanned.nights]
        return run_nights(
            nights, scanned, self.project, self.uri, is_full_refresh=True, limits=limits
        )

    def rebuild(self, first_day: date = ALL) -> Outcome:
        """Derive the weeks from that of a day on again, all of them if none is named."""
        return rebuild(self.project, self.domain, self.uri, first_day)

    def rows(self, table: str, where: str = "true") -> list[Row]:
        """The rows of a published table, in an order of their own."""
        rows = self.engine.query(f"select * from {self.published(table)} where {where}")
        return sorted((_typed(row) for row in rows), key=_sort_key)

    def fact(self) -> list[Row]:
        """The weekly fact, in the order of its key."""
        return sorted(self.rows(FACT), key=lambda row: [row[column] for column in KEY])

    def contents(self) -> Contents:
        """Every published row that depends on what came in alone, not on how it was loaded."""
        of_the_run = ("runs", "load_coverage")
        tables = [name for name in self.domain.published_tables if name not in of_the_run]
        return {
            name: [
                {key: value for key, value in row.items() if key not in _OF_THE_RUN}
                for row in self.rows(name)
            ]
            for name in tables
        }

    def folders(self, table: str) -> dict[str, str]:
        """Where each partition of a published table lies."""
        with self.engine.session() as session:
            return partition_folders(session, self.published(table))

    def week_folders(self) -> dict[str, str]:
        """Where each published week lies."""
        return self.folders(FACT)

    def folder_of(self, table: str) -> str:
        """Where the rows of a published table without partitions lie."""
        rows = self.engine.query(f"describe formatted {self.published(table)}")
        (folder,) = (row["data_type"] for row in rows if row["col_name"] == "Location")
        return str(folder)

    def forget_last_run(self) -> None:
        """Leave the lake as if the last run had been killed before it was recorded."""
        runs = self.published("runs")
        (last,) = self.engine.query(
            "select max_by(previous_location, run_number) as folder "
            f"from {runs} where table_name = 'runs'"
        )
        with self.engine.session() as session:
            session.execute(f"alter table {runs} set location '{last['folder']}'")

    def drop(self) -> None:
        """Forget the lake's tables, so that the schemas can serve another one."""
        with self.engine.session() as session:
            for layer in LAYERS:
                session.execute(f"drop schema if exists {self.schema(layer)} cascade")


def domains_in(lake: Lake) -> tuple[set[str], set[str]]:
    """The domains that have schemas behind the lake's prefix, and those with a folder in it."""
    prefix = lake.engine.prefix
    rows = lake.engine.query(f"show schemas like '{prefix}*'")
    schemas = (str(name).removeprefix(prefix) for row in rows for name in row.values())
    folders = (path.name for path in lake.folder.iterdir() if path.is_dir())
    return {schema.partition("_")[0] for schema in schemas}, set(folders)


LakeMaker = Callable[[Path], AbstractContextManager[Lake]]
"""Gives a new lake in a folder for the length of a with block."""


def assert_equals_reference(lake: Lake, expected: Reference) -> None:
    """The published fact, counts and rejects are those of the reference."""
    differences = fact_differences(lake.fact(), expected.fact)
    assert not differences, "\n".join(differences[:20])
    assert counts_of(lake) == expected_counts(expected)
    assert rejects_of(lake) == Counter(
        (str(r.load_date), r.table, r.file_name, r.reason) for r in expected.rejected
    )


def assert_equals_reference_of(lake: Lake, landing: Path, *nights: date) -> None:
    """As assert_equals_reference, for nights of a landing (all, if none is named)."""
    assert_equals_reference(lake, compute(landing, nights or None))


def counts_of(lake: Lake) -> dict[tuple[date, str], tuple[int, int, int, int]]:
    """Rows read, accepted, duplicate and rejected per night and raw table."""
    return {
        (row["load_date"], row["raw_table"]): (
            row["rows_read"],
            row["rows_accepted"],
            row["rows_duplicate"],
            row["rows_rejected"],
        )
        for row in lake.rows("load_row_counts")
    }


def expected_counts(expected: Reference) -> dict[tuple[date, str], tuple[int, int, int, int]]:
    """The reference's counts in the shape of counts_of."""
    return {
        key: (counts.read, counts.accepted, counts.duplicates, counts.rejected.total())
        for key, counts in expected.counts.items()
    }


def rejects_of(lake: Lake) -> Counter[tuple[str, str, str, str]]:
    """How many rows were rejected per load date, table, file and reason."""
    return Counter(
        (str(row["load_date"]), row["table_name"], row["file_name"], row["reason"])
        for row in lake.rows("rejected_rows")
    )


def fact_differences(
    actual: Iterable[Mapping[str, Any]], expected: Iterable[Mapping[str, Any]]
) -> list[str]:
    """One sentence per missing row, surplus row, and value that differs."""
    found = {tuple(row[column] for column in KEY): row for row in actual}
    wanted = {tuple(row[column] for column in KEY): row for row in expected}
    lines = [f"missing: {key}" for key in sorted(wanted.keys() - found.keys())]
    lines += [f"surplus: {key}" for key in sorted(found.keys() - wanted.keys())]
    for key in sorted(wanted.keys() & found.keys()):
        assert found[key].keys() == wanted[key].keys()
        lines += [
            f"{key} {column}: {found[key][column]!r} instead of {value!r}"
            for column, value in wanted[key].items()
            if not _equal(column, found[key][column], value)
        ]
    return lines


def _equal(column: str, found: Any, wanted: Any) -> bool:
    if found is None or wanted is None:
        return found is wanted
    if column == "potential_low_stock_impact":
        return bool(abs(found - wanted) <= _IMPACT_TOLERANCE)
    if isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=_RELATIVE, abs_tol=_RELATIVE)
    return bool(found == wanted)


def without(column: str, contents: Contents, table: str = FACT) -> Contents:
    """The contents without a column of a table, in an order that does not depend on it."""
    rows = [{key: row[key] for key in sorted(row) if key != column} for row in contents[table]]
    return {**contents, table: sorted(rows, key=lambda row: str(list(row.values())))}


def _typed(row: Row) -> Row:
    """Dates as dates, whichever way the driver gives them."""
    return {
        name: date.fromisoformat(value)
        if isinstance(value, str) and name.endswith(("_date", "cal_dt"))
        else value
        for name, value in row.items()
    }


def _sort_key(row: Row) -> list[tuple[bool, str]]:
    return [(value is not None, str(value)) for value in row.values()]
