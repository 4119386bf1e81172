"""The landing folder: nightly files in their folders, and the manifest that is written last."""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import BufferedIOBase
from pathlib import Path

import polars as pl

EPOCH = date(1970, 1, 1)
TABLES_WITH_DATES = ("sales", "inventory")


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class Night:
    """One load date and the first business date that its sales and inventory cover."""

    load_date: date
    first_date: date

    @property
    def last_date(self) -> date:
        """The newest business date, which is the day before the load date."""
        return self.load_date - timedelta(days=1)


@dataclass(frozen=True)
class FileEntry:
    """One file of a night; the business dates only for sales and inventory."""

    table: str
    file_name: str
    bytes: int
    rows: int
    first_business_date: date | None = None
    last_business_date: date | None = None

    def as_json(self) -> dict[str, str | int]:
        """The entry as the manifest holds it."""
        entry: dict[str, str | int] = {
            "table": self.table,
            "file_name": self.file_name,
            "bytes": self.bytes,
            "rows": self.rows,
        }
        if self.first_business_date and self.last_business_date:
            entry["first_business_date"] = self.first_business_date.isoformat()
            entry["last_business_date"] = self.last_business_date.isoformat()
        return entry


def night_folder(landing: Path, name: str, load_date: date) -> Path:
    """The folder of a table, or of the manifest, of one night."""
    return landing / name / f"load_date={load_date.isoformat()}"


def manifest_path(landing: Path, load_date: date) -> Path:
    """Where the manifest of one night is."""
    return night_folder(landing, "manifest", load_date) / f"manifest_{load_date:%Y%m%d}.json"


def write_manifest(landing: Path, load_date: date, entries: Iterable[FileEntry]) -> Path:
    """Write the manifest of one night; call it when all its files are in place."""
    path = manifest_path(landing, load_date)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "load_date": load_date.isoformat(),
        "files": [entry.as_json() for entry in entries],
    }
    unfinished = _unfinished(path)
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return unfinished.replace(path)


def _unfinished(path: Path) -> Path:
    """The name of a file while it is written: readers skip names that start with a dot."""
    return path.with_name(f".{path.name}.tmp")


class DumpFile:
    """One CSV file while it is written. `constants` are extra columns with one value each."""

    def __init__(
        self, path: Path, columns: Sequence[str], constants: dict[str, str] | None = None
    ) -> None:
        self.path = path
        self.constants = constants or {}
        self.columns = [*columns, *self.constants]
        self.rows = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = _unfinished(path).open("wb")
        self._stream: BufferedIOBase = self._raw
        if path.suffix == ".gz":
            # No name and no time in the header: the same rows give the same bytes.
            self._stream = gzip.GzipFile("", "wb", compresslevel=4, fileobj=self._raw, mtime=0)
        self._write_text([self.columns])

    def append(self, frame: pl.DataFrame) -> None:
        """Write all rows; columns that the file does not have are left out."""
        constants = (pl.lit(value).alias(name) for name, value in self.constants.items())
        frame = frame.with_columns(constants).select(self.columns)
        self._stream.write(frame.write_csv(include_header=False).encode())
        self.rows += frame.height

    def append_row(self, values: dict[str, str], fields: int | None = None) -> None:
        """Write one row of text, or only its first `fields` fields."""
        values = values | self.constants
        self._write_text([[values[name] for name in self.columns][:fields]])
        self.rows += 1

    def finish(self) -> int:
        """Close the file, give it its name and return its size in bytes."""
        self._stream.close()
        self._raw.close()
        _unfinished(self.path).replace(self.path)
        return self.path.stat().st_size

    def _write_text(self, rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._stream.write(text.getvalue().encode())


@dataclass(frozen=True)
class Layout:
    """How files are named: one per table or several parts, plain or gzip, in folders or flat."""

    landing: Path
    parts: int = 1
    gzip: bool = False
    flat: bool = False

    def folder(self, table: str, load_date: date) -> Path:
        """The folder that holds the files of a table of one night."""
        return self.landing if self.flat else night_folder(self.landing, table, load_date)

    def paths(self, table: str, load_date: date) -> list[Path]:
        """The files of a table of one night: only sales and inventory come in parts."""
        stem, ending = f"{table}_{load_date:%Y%m%d}", ".csv.gz" if self.gzip else ".csv"
        folder = self.folder(table, load_date)
        if self.parts == 1 or table not in TABLES_WITH_DATES:
            return [folder / f"{stem}{ending}"]
        return [folder / f"{stem}_{part}{ending}" for part in range(1, self.parts + 1)]

    def remove_others(self, table: str, load_date: date) -> None:
        """Remove files of an earlier run with another layout: a reader would count them too."""
        ours = self.paths(table, load_date)
        name = re.compile(rf"{table}_{load_date:%Y%m%d}(_[^.]*)?\.csv(\.gz)?")
        for path in self.folder(table, load_date).iterdir():
            if name.fullmatch(path.name) and path not in ours:
                path.unlink()


class TableDump:
    """The files of one table of one night, open for writing."""

    def __init__(self, table: str, night: Night, files: list[DumpFile]) -> None:
        self.table = table
        self.night = night
        self.files = files

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return sum(file.rows for file in self.files)

    def append(self, frame: pl.DataFrame) -> None:
        """Write rows, the same share of them to each file."""
        bounds = [frame.height * part // len(self.files) for part in range(len(self.files) + 1)]
        for file, start, end in zip(self.files, bounds, bounds[1:], strict=False):
            file.append(frame[start:end])

    def finish(self) -> list[FileEntry]:
        """Close all files and describe them for the manifest."""
        dated = self.table in TABLES_WITH_DATES
        return [
            FileEntry(
                table=self.table,
                file_name=file.path.name,
                bytes=file.finish(),
                rows=file.rows,
                first_business_date=self.night.first_date if dated else None,
                last_business_date=self.night.last_date if dated else None,
            )
            for file in self.files
        ]
