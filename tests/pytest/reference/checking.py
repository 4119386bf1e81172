"""Sorts the rows of one night into accepted rows, duplicates and rejects."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from reference.contract import CALENDAR, TABLES, Kind, Table
from reference.reading import Night, TextRow, read_rows

# Decimals are held as whole numbers of their fourth decimal place: exact and fast.
Value = int | str | date | None
Row = tuple[Value, ...]

DECIMAL_PLACES = 4
_INTEGER_DIGITS = 14
_REMEMBERED = 2**16
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FLAGS = {"0": 0, "1": 1, "false": 0, "true": 1}


class Rejected(NamedTuple):
    """One rejected row."""

    table: str
    load_date: date
    file_name: str
    reason: str


@dataclass
class Counts:
    """What became of the rows of one table in one night."""

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass
class CheckedTable:
    """One table of one night after all checks."""

    accepted: list[Row] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    rejected: list[Rejected] = field(default_factory=list)
    bad_columns: Counter[str] = field(default_factory=Counter)
    covered_dates: frozenset[date] = frozenset()


class _Filed(NamedTuple):
    """A typed row and the file that it came from."""

    file_name: str
    row: Row


class _BadValueError(ValueError):
    """A field that does not parse to the type of its column."""


class _RejectError(ValueError):
    """A row that is to be rejected, with its reason and the column where one is to blame."""

    def __init__(self, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


def check_night(night: Night) -> dict[str, CheckedTable]:
    """Check all five tables of a night, the calendar first: the others' dates need it."""
    calendar = _TableCheck(night, CALENDAR).run(known_dates=())
    known_dates = frozenset(weeks_by_date(calendar.accepted))
    others = {
        name: _TableCheck(night, table).run(known_dates)
        for name, table in TABLES.items()
        if table is not CALENDAR
    }
    return {**others, CALENDAR.name: calendar}


def weeks_by_date(calendar: Iterable[Row]) -> dict[date, tuple[int, int]]:
    """Year and week number of every calendar date that has both."""
    positions = [CALENDAR.position(column) for column in ("CAL_DT", "YR_NUM", "WK_NUM")]
    weeks = {}
    for row in calendar:
        day, year, week = (row[position] for position in positions)
        if isinstance(day, date) and isinstance(year, int) and isinstance(week, int):
            weeks[day] = (year, week)
    return weeks


class _TableCheck:
    """The checks of one table of one night, in the contract's order of reasons."""

    def __init__(self, night: Night, table: Table) -> None:
        self._night = night
        self._table = table
        self._result = CheckedTable()

    def run(self, known_dates: Collection[date]) -> CheckedTable:
        """Read the table's files and sort their rows."""
        rows = list(self._settle_keys(self._parse_all()))
        if self._table.business_date:
            rows = list(self._settle_dates(rows, known_dates))
        result = self._result
        result.accepted = [filed.row for filed in rows]
        result.counts.accepted = len(rows)
        result.covered_dates = self._covered_dates()
        return result

    def _parse_all(self) -> Iterator[_Filed]:
        for path in self._night.files(self._table.name):
            for text_row in read_rows(self._table, path):
                # A malformed row counts as many rows as it takes lines.
                lines = text_row.line_count if text_row.fields is None else 1
                self._result.counts.read += lines
                try:
                    yield _Filed(text_row.file_name, _typed(self._table, text_row))
                except _RejectError as reject:
                    self._reject(text_row.file_name, reject.reason, reject.column, lines)

    def _settle_keys(self, rows: Iterable[_Filed]) -> Iterator[_Filed]:
        """Keep one of equal rows; reject all rows of a key that has different ones."""
        by_key: defaultdict[Row, list[_Filed]] = defaultdict(list)
        for filed in rows:
            by_key[tuple(filed.row[position] for position in self._table.key_positions)].append(
                filed
            )
        for same_key in by_key.values():
            if len({filed.row for filed in same_key}) == 1:
                self._result.counts.duplicates += len(same_key) - 1
                yield same_key[0]
            else:
                for filed in same_key:
                    self._reject(filed.file_name, "conflicting_duplicate")

    def _settle_dates(
        self, rows: Iterable[_Filed], known_dates: Collection[date]
    ) -> Iterator[_Filed]:
        as_of = self._night.load_date - timedelta(days=1)
        covered = self._night.covered_dates(self._table.name)
        for filed in rows:
            day = self._business_date(filed.row)
            if day > as_of:
                self._reject(filed.file_name, "future_date")
            elif day not in known_dates:
                self._reject(filed.file_name, "unknown_calendar_date")
            elif covered is not None and day not in covered:
                self._reject(filed.file_name, "outside_covered_dates")
            else:
                yield filed

    def _covered_dates(self) -> frozenset[date]:
        if not self._table.business_date:
            return frozenset()
        covered = self._night.covered_dates(self._table.name)
        if covered is None:
            return frozenset(self._business_date(row) for row in self._result.accepted)
        return covered

    def _business_date(self, row: Row) -> date:
        day = row[self._table.date_position]
        assert isinstance(day, date)
        return day

    def _reject(
        self, file_name: str, reason: str, column: str | None = None, lines: int = 1
    ) -> None:
        rejected = Rejected(self._table.name, self._night.load_date, file_name, reason)
        self._result.rejected.append(rejected)
        self._result.counts.rejected[reason] += lines
        if column:
            self._result.bad_columns[column] += 1


def _typed(table: Table, text_row: TextRow) -> Row:
    """The typed row, or a `_RejectError` with the first reason in the contract's order."""
    if text_row.fields is None:
        raise _RejectError("malformed_row")
    values: list[Value] = []
    bad_flag = None
    for (column, kind), text in zip(table.kinds.items(), text_row.fields, strict=True):
        if text is None:
            values.append(None)
            continue
        try:
            values.append(_PARSERS[kind](text))
        except _BadValueError as error:
            if kind is not Kind.FLAG:
                raise _RejectError("bad_value", column) from error
            bad_flag = bad_flag or column
            values.append(None)
    if any(values[position] is None for position in table.key_positions):
        raise _RejectError("missing_key")
    if bad_flag:
        raise _RejectError("bad_flag", bad_flag)
    return tuple(values)


def _parse_integer(text: str, bits: int) -> int:
    if not _INTEGER.fullmatch(text) or len(text.lstrip("+-0")) > len(str(2**bits)):
        raise _BadValueError(text)
    number = int(text)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise _BadValueError(text)
    return number


@lru_cache(maxsize=_REMEMBERED)
def _parse_bigint(text: str) -> int:
    return _parse_integer(text, bits=64)


def _parse_int(text: str) -> int:
    return _parse_integer(text, bits=32)


@lru_cache(maxsize=_REMEMBERED)
def _parse_decimal(text: str) -> int:
    match = _DECIMAL.fullmatch(text)
    if not match or not (match[2] or match[3]):
        raise _BadValueError(text)
    whole, fraction = match[2].lstrip("0"), (match[3] or "").rstrip("0")
    if len(whole) > _INTEGER_DIGITS or len(fraction) > DECIMAL_PLACES:
        raise _BadValueError(text)
    scaled = int((whole or "0") + fraction.ljust(DECIMAL_PLACES, "0"))
    return -scaled if match[1] == "-" else scaled


@lru_cache(maxsize=_REMEMBERED)
def _parse_date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise _BadValueError(text)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _BadValueError(text) from error


def _parse_flag(text: str) -> int:
    flag = _FLAGS.get(text.lower())
    if flag is None:
        raise _BadValueError(text)
    return flag


_PARSERS: dict[Kind, Callable[[str], Value]] = {
    Kind.TEXT: str,
    Kind.BIGINT: _parse_bigint,
    Kind.INT: _parse_int,
    Kind.DECIMAL: _parse_decimal,
    Kind.DATE: _parse_date,
    Kind.FLAG: _parse_flag,
}
