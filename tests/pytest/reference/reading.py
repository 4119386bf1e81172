"""Finds the files of a night and splits them into rows of text."""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from reference.contract import TABLES, Table

_DATA_FILE = re.compile(r"(?P<table>[a-z]+)_(?P<day>\d{8})(?:_[^.]+)?\.csv(?:\.gz)?")
_MANIFEST_FILE = re.compile(r"manifest_(?P<day>\d{8})\.json")


class NightError(Exception):
    """A night that a run must not load: a file, a table or a column of it is missing."""


@dataclass(frozen=True)
class TextRow:
    """One row as text in the contract's column order; None where the field count is wrong."""

    file_name: str
    fields: tuple[str | None, ...] | None
    line_count: int = 1


@dataclass(frozen=True)
class Night:
    """The files of one load date."""

    landing: Path
    load_date: date

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """The parsed manifest, or None where the landing folder has none for this night."""
        path = self._locate("manifest", f"manifest_{self.load_date:%Y%m%d}.json")
        if path is None:
            return None
        parsed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return parsed

    def files(self, table: str) -> list[Path]:
        """The files of one table: those that the manifest names, else those that are there."""
        found = self._present(table) if self.manifest is None else self._promised(table)
        if not found:
            raise NightError(f"{self.load_date}: no file of table {table}")
        return sorted(found)

    def covered_dates(self, table: str) -> frozenset[date] | None:
        """The dates that the manifest covers for a table, or None without a manifest."""
        if self.manifest is None:
            return None
        covered: set[date] = set()
        for entry in self._entries(table):
            first, last = entry.get("first_business_date"), entry.get("last_business_date")
            if first and last:
                covered.update(date_range(date.fromisoformat(first), date.fromisoformat(last)))
        return frozenset(covered)

    def _entries(self, table: str) -> list[dict[str, Any]]:
        assert self.manifest is not None
        return [entry for entry in self.manifest["files"] if entry["table"].lower() == table]

    def _promised(self, table: str) -> list[Path]:
        return [self._checked(table, entry) for entry in self._entries(table)]

    def _checked(self, table: str, entry: dict[str, Any]) -> Path:
        path = self._locate(table, entry["file_name"])
        if path is None or path.stat().st_size != entry["bytes"]:
            raise NightError(f"{self.load_date}: {entry['file_name']} is not as the manifest says")
        return path

    def _present(self, table: str) -> list[Path]:
        return [
            path
            for folder in self._folders(table)
            if folder.is_dir()
            for path in folder.iterdir()
            if (match := _DATA_FILE.fullmatch(path.name))
            and match["table"] == table
            and match["day"] == f"{self.load_date:%Y%m%d}"
        ]

    def _folders(self, table: str) -> tuple[Path, ...]:
        return self.landing / table / f"load_date={self.load_date}", self.landing

    def _locate(self, table: str, file_name: str) -> Path | None:
        candidates = (folder / file_name for folder in self._folders(table))
        return next((path for path in candidates if path.is_file()), None)


def date_range(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`, both included."""
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def find_load_dates(landing: Path) -> list[date]:
    """Every load date that has a file in the landing folder, nested or flat, oldest first."""
    days = set()
    for path in landing.rglob("*"):
        match = _DATA_FILE.fullmatch(path.name) or _MANIFEST_FILE.fullmatch(path.name)
        if match and path.is_file() and match.groupdict().get("table", "sales") in TABLES:
            days.add(date.fromisoformat(match["day"]))
    return sorted(days)


def read_header(path: Path) -> list[str]:
    """The column names of a file's header line, in upper case."""
    with _open(path) as stream:
        return _upper_header(next(csv.reader(stream), []))


def read_rows(table: Table, path: Path) -> Iterator[TextRow]:
    """The rows of one file, its columns found by name and put into the contract's order."""
    with _open(path) as stream:
        text = stream.read()
    records = (_physical_lines if table.business_date else _quoted_records)(text)
    first, _ = next(records, (None, 1))
    header = _upper_header(first or [])
    missing = [column for column in table.columns if column not in header]
    if missing:
        raise NightError(f"{path.name}: table {table.name} misses {', '.join(missing)}")
    positions = [header.index(column) for column in table.columns]
    for record, line_count in records:
        if record is None or len(record) != len(header):
            yield TextRow(path.name, None, line_count)
        else:
            yield TextRow(path.name, tuple(record[position] or None for position in positions))


def _open(path: Path) -> IO[str]:
    """A text stream without a byte-order mark and with its line ends untouched."""
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _upper_header(names: list[str]) -> list[str]:
    return [name.upper() for name in names]


def _physical_lines(text: str) -> Iterator[tuple[list[str] | None, int]]:
    """One record for each line that is not blank; None where its quotes do not close."""
    for line in text.split("\n"):
        bare = line.removesuffix("\r")
        if bare.strip():
            yield _split(bare), 1


def _split(line: str) -> list[str] | None:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return None


def _quoted_records(text: str) -> Iterator[tuple[list[str] | None, int]]:
    """One record, and its number of lines, for each row whose quoted fields may hold line ends."""
    reader = csv.reader(io.StringIO(text, newline=""))
    line = 0
    for record in reader:
        line_count, line = reader.line_num - line, reader.line_num
        if record and not (len(record) == 1 and record[0].isspace()):
            yield record, line_count
