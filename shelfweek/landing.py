"""The landing folder: which nights lie there, and whether a night is whole.

A landing is a local folder or any URI that fsspec can open. Files lie as the unload writes them,
`<landing>/<table>/load_date=YYYY-MM-DD/<table>_YYYYMMDD[_<part>].csv[.gz]`, or all in one flat
folder. A night with a manifest is judged by it; one without goes by the files alone.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import fsspec
from fsspec import AbstractFileSystem

from shelfweek.contents import NOT_READ, Contents, read_contents
from shelfweek.contract import raw_columns, raw_tables

# The dates that a file's rows may have come from are told for these tables only.
WINDOWED_TABLES = ("sales", "inventory")
READERS = 8
"""Files that are read at once."""

_DATA_NAME = re.compile(r"(?P<table>[a-z]+)_(?P<day>\d{8})(?:_(?P<part>\w+))?\.csv(?:\.gz)?")
_MANIFEST_NAME = re.compile(r"manifest_(?P<day>\d{8})\.json")
_LOAD_DATE_FOLDER = re.compile(r"load_date=(?P<day>\d{4}-\d{2}-\d{2})")


class LandingError(Exception):
    """A landing or a night in it cannot be loaded; the message says what to do."""


@dataclass(frozen=True)
class DataFile:
    """One file of a dump.

    Attributes:
        path: where fsspec finds it.
        row_count, first_business_date, last_business_date: what the manifest says, if there is one.
    """

    table: str
    load_date: date
    path: str
    size: int
    row_count: int | None = None
    first_business_date: date | None = None
    last_business_date: date | None = None
    contents: Contents = NOT_READ

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return posixpath.basename(self.path)

    @property
    def columns(self) -> tuple[str, ...]:
        """The header, lower case, in the file's order."""
        return self.contents.columns


@dataclass(frozen=True)
class Night:
    """The dump of one load date, whole and with known columns."""

    load_date: date
    files: tuple[DataFile, ...]
    warnings: tuple[str, ...] = ()


@dataclass
class Landing:
    """The nights of a landing folder; nothing but names is read until a night is opened."""

    uri: str
    file_system: AbstractFileSystem
    root: str
    files: dict[date, list[DataFile]] = field(default_factory=lambda: defaultdict(list))
    manifests: dict[date, str] = field(default_factory=dict)
    strays: dict[date, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def scan(cls, uri: str) -> Landing:
        """List a landing.

        Raises:
            LandingError: the folder is not there, cannot be read, or holds no dump.
        """
        file_system, root = fsspec.core.url_to_fs(uri)
        try:
            if not file_system.exists(root):
                raise LandingError(f"there is no landing folder {uri}")
            found = file_system.find(root, detail=True)
        except OSError as error:
            raise LandingError(f"the landing {uri} cannot be read: {error}") from error
        landing = cls(uri=uri, file_system=file_system, root=root)
        for path, info in sorted(found.items()):
            landing._add(path, int(info["size"]))
        if not landing.nights:
            raise LandingError(
                f"no dump lies in {uri}: expected files like "
                "sales/load_date=2026-11-20/sales_20261120.csv, or sales_20261120.csv in one folder"
            )
        return landing

    @property
    def nights(self) -> list[date]:
        """Load dates of all nights, oldest first."""
        return sorted(self.files.keys() | self.manifests.keys() | self.strays.keys())

    def open_night(self, load_date: date) -> Night:
        """Check that a night is whole and read its files' headers.

        Raises:
            LandingError: a table or a file is missing, empty, short, or lacks columns.
        """
        if load_date not in self.nights:
            known = ", ".join(str(night) for night in self.nights[-5:])
            raise LandingError(
                f"no dump of {load_date} lies in {self.uri}; the newest are: {known}"
            )
        warnings: list[str] = []
        files = self.files[load_date]
        problems = [
            f"{path} carries another date than its folder" for path in self.strays[load_date]
        ]
        if load_date in self.manifests:
            files, faults = self._files_of_manifest(load_date, warnings)
            problems += faults
        else:
            problems += _named_twice(files)
        tables = {file.table for file in files}
        problems += [f"no file for table {table}" for table in raw_columns() if table not in tables]
        if not problems:
            files = self._inspected(files)
            problems = [fault for file in files for fault in file.contents.faults]
            warnings += [warning for file in files for warning in file.contents.warnings]
        if problems:
            raise LandingError(
                f"the dump of {load_date} in {self.uri} is not whole:\n  " + "\n  ".join(problems)
            )
        return Night(load_date, tuple(files), tuple(warnings))

    def _add(self, path: str, size: int) -> None:
        name = posixpath.basename(path)
        if manifest := _MANIFEST_NAME.fullmatch(name):
            if day := _date(manifest["day"]):
                self.manifests[day] = path
            return
        match = _DATA_NAME.fullmatch(name)
        if not match or match["table"] not in raw_columns() or not (day := _date(match["day"])):
            return
        folder = _LOAD_DATE_FOLDER.fullmatch(posixpath.basename(posixpath.dirname(path)))
        if folder and folder["day"] != day.isoformat():
            if folder_day := _date(folder["day"].replace("-", "")):
                self.strays[folder_day].append(self._relative(path))
            return
        self.files[day].append(DataFile(match["table"], day, path, size))

    def _files_of_manifest(
        self, load_date: date, warnings: list[str]
    ) -> tuple[list[DataFile], list[str]]:
        """The files that the manifest names, and what is wrong with them."""
        path = self.manifests[load_date]
        try:
            entries = _manifest_entries(json.loads(self.file_system.cat_file(path)))
        except (ValueError, KeyError, TypeError) as error:
            return [], [f"manifest {self._relative(path)} cannot be read: {error!r}"]
        found = {file.name: file for file in self.files[load_date]}
        files, faults = [], []
        for entry in entries:
            file = found.pop(entry.name, None)
            if file is None or file.table != entry.table:
                faults.append(f"{entry.name} of table {entry.table} is missing")
            elif file.size != entry.size:
                faults.append(
                    f"{self._relative(file.path)} has {file.size} bytes, not the {entry.size} "
                    "that the manifest names"
                )
            else:
                files.append(entry.described(file))
        warnings += [
            f"{self._relative(file.path)} is not in the manifest and was ignored"
            for file in found.values()
        ]
        return files, faults

    def _inspected(self, files: Iterable[DataFile]) -> list[DataFile]:
        """The files with their contents, each read once from its first line to its last."""

        def inspected(file: DataFile) -> DataFile:
            contents = read_contents(
                lambda: self.file_system.open(file.path, "rb"),
                self._relative(file.path),
                raw_tables()[file.table],
            )
            return replace(file, contents=contents)

        # Most of the time is spent waiting for a disk or an object store.
        with ThreadPoolExecutor(READERS) as readers:
            return list(readers.map(inspected, files))

    def _relative(self, path: str) -> str:
        return posixpath.relpath(path, self.root)


@dataclass(frozen=True)
class _ManifestEntry:
    table: str
    name: str
    size: int
    row_count: int | None
    first: date | None
    last: date | None

    def described(self, file: DataFile) -> DataFile:
        return DataFile(
            file.table, file.load_date, file.path, file.size, self.row_count, self.first,
            self.last,
        )  # fmt: skip


def _manifest_entries(manifest: Any) -> list[_ManifestEntry]:
    """Read a manifest: one entry per file with table, file name, bytes, rows, covered dates.

    The entries stand in a list, or under `files`. Our unload writes the first name of each field in
    _MANIFEST_FIELDS; manifests of other tools may use one of the others.
    """
    entries = manifest.get("files") if isinstance(manifest, Mapping) else manifest
    if not isinstance(entries, list) or not entries:
        raise ValueError("a list of files is expected")
    return [_manifest_entry({name.lower(): value for name, value in e.items()}) for e in entries]


_MANIFEST_FIELDS = {
    "table": ("table", "table_name"),
    "file": ("file_name", "file", "name", "path"),
    "bytes": ("bytes", "size", "size_bytes"),
    "rows": ("rows", "row_count"),
    "first": ("first_business_date", "first_date", "min_business_date"),
    "last": ("last_business_date", "last_date", "max_business_date"),
}


def _manifest_entry(entry: Mapping[str, Any]) -> _ManifestEntry:
    def field_of(name: str) -> Any:
        return next((entry[key] for key in _MANIFEST_FIELDS[name] if key in entry), None)

    table, file, size, rows = (field_of(name) for name in ("table", "file", "bytes", "rows"))
    if table is None or file is None or size is None:
        raise ValueError(f"a table, a file name and bytes are expected in {dict(entry)}")
    first, last = field_of("first"), field_of("last")
    is_windowed = str(table).lower() in WINDOWED_TABLES
    return _ManifestEntry(
        table=str(table).lower(),
        name=posixpath.basename(str(file)),
        size=int(size),
        row_count=None if rows is None else int(rows),
        first=date.fromisoformat(first) if is_windowed and first else None,
        last=date.fromisoformat(last) if is_windowed and last else None,
    )


def _named_twice(files: Iterable[DataFile]) -> list[str]:
    """Complaints about files of one name in two places, or plain and gzipped side by side."""
    paths: dict[str, list[str]] = defaultdict(list)
    for file in files:
        paths[file.name.removesuffix(".gz")].append(file.path)
    return [
        f"{name} lies there {len(found)} times: {', '.join(found)}"
        for name, found in paths.items()
        if len(found) > 1
    ]


def _date(digits: str) -> date | None:
    try:
        return date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    except ValueError:
        return None
