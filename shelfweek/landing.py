"""The landing folder: which nights lie there, and what a run reads of them.

A landing is a local folder or any URI that fsspec can open. Which files are those of a night, and
whether it is whole, shelfweek/night_files.py says: with a manifest by it, without by names alone.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

import fsspec
from fsspec import AbstractFileSystem

from shelfweek.contents import NOT_READ, Contents, read_contents
from shelfweek.domain import Domain
from shelfweek.listing import Nights, find_nights, in_words, list_landing
from shelfweek.manifest import MAX_BYTES
from shelfweek.night_files import Listing, NightFile, State, Verdict, judge, manifest_path, names_of
from shelfweek.periods import EXAMPLES, covered_dates
from shelfweek.places import canonical_location

READERS = 8
"""Files that are read at once."""

_NAMES_TOLD = 10


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
    """The dump of one load date, whole and with known columns.

    Attributes:
        manifest_path: where fsspec finds its manifest; None where it has none.
    """

    load_date: date
    files: tuple[DataFile, ...]
    warnings: tuple[str, ...] = ()
    manifest_path: str | None = None


@dataclass(frozen=True)
class Landing:
    """The nights of a landing folder; nothing but names is read until a night is opened."""

    uri: str
    domain: Domain
    file_system: AbstractFileSystem
    root: str
    found: Nights

    @classmethod
    def scan(cls, uri: str, domain: Domain) -> Landing:
        """List a landing of a domain's dumps.

        Raises:
            LandingError: the folder is not there, cannot be read, or holds no dump.
        """
        uri = canonical_location(uri)
        file_system, root = _file_system_of(uri)
        tables = domain.raw_tables
        try:
            if not file_system.exists(root):
                raise LandingError(f"there is no landing folder {uri}")
            listing = list_landing(file_system, root, tables)
        except LandingError:
            raise
        # Libraries of file systems raise errors of their own beside those of the system.
        except Exception as error:
            raise LandingError(f"the landing {uri} cannot be read: {in_words(error)}") from error
        landing = cls(uri, domain, file_system, root, find_nights(tables, listing))
        if not landing.nights:
            table = next(iter(tables))
            raise LandingError(
                f"no dump lies in {uri}: expected files like "
                f"{table}/load_date=2026-11-20/{table}_20261120.csv, or {table}_20261120.csv in "
                f"one folder. What lies there: {_what_lies_in(listing)}"
            )
        return landing

    @property
    def nights(self) -> list[date]:
        """Load dates of all nights, oldest first."""
        return list(self.found.listings)

    def bytes_of(self, load_date: date) -> int:
        """Size of a night's files in bytes, by their names alone."""
        verdict = self._judged(load_date, None)
        return sum(file.size for file in verdict.files)

    def open_night(self, load_date: date) -> Night:
        """Check that a night is whole and read its files' headers.

        Raises:
            LandingError: a table or a file is missing, empty, short, or lacks columns.
        """
        if load_date not in self.found.listings:
            known = ", ".join(str(night) for night in self.nights[-5:])
            raise LandingError(
                f"no dump of {load_date} lies in {self.uri}; the newest are: {known}"
                + "".join(f"; {text}" for text in self._homeless_files())
            )
        listing = self.found.listings[load_date]
        manifest = manifest_path(load_date, listing)
        content = self._read_manifest(manifest) if manifest else None
        verdict = self._judged(load_date, content)
        problems = _problems_of(verdict)
        warnings = [*_warnings_of(verdict), *self._homeless_files()]
        files = [self._data_file(load_date, file) for file in verdict.files]
        problems += [fault for file in files if (fault := self._period_fault(file))]
        if not problems:
            files = self._inspected(files)
            problems = [fault for file in files for fault in file.contents.faults]
            warnings += [warning for file in files for warning in file.contents.warnings]
        if problems:
            raise LandingError(
                f"the dump of {load_date} in {self.uri} is not whole:\n  " + "\n  ".join(problems)
            )
        path = posixpath.join(self.root, manifest) if manifest else None
        return Night(load_date, tuple(files), tuple(warnings), path)

    def _judged(self, load_date: date, manifest: bytes | None) -> Verdict:
        tables, listing = self.domain.business_dates, self.found.listings[load_date]
        return judge(load_date, tables, listing, manifest)

    def _homeless_files(self) -> list[str]:
        """One line that names files of dates without a night, if there are any."""
        if not self.found.homeless:
            return []
        told = names_of(self.found.homeless, _NAMES_TOLD)
        return [f"not read, as they fit no file of any night: {told}"]

    def _read_manifest(self, path: str) -> bytes:
        try:
            with self.file_system.open(posixpath.join(self.root, path), "rb") as stream:
                content: bytes = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise LandingError(f"manifest {path} cannot be read: {in_words(error)}") from error
        return content

    def _data_file(self, load_date: date, file: NightFile) -> DataFile:
        dates = file.first_business_date, file.last_business_date
        if period := self.domain.raw_tables[file.table].period:
            dates = covered_dates(file.name, period) or dates
        return DataFile(
            table=file.table,
            load_date=load_date,
            path=posixpath.join(self.root, file.path),
            size=file.size,
            row_count=file.row_count,
            first_business_date=dates[0],
            last_business_date=dates[1],
        )

    def _period_fault(self, file: DataFile) -> str | None:
        """Say what is wrong with the name of a file whose table has one for each period."""
        period = self.domain.raw_tables[file.table].period
        if period is None or covered_dates(file.name, period):
            return None
        example = f"{file.table}_{file.load_date:%Y%m%d}_{EXAMPLES[period]}.csv"
        return f"{self._relative(file.path)} names no {period}: one like {example} is expected"

    def _inspected(self, files: Iterable[DataFile]) -> list[DataFile]:
        """The files with their contents, each read once from its first line to its last."""

        def inspected(file: DataFile) -> DataFile:
            contents = read_contents(
                lambda: self.file_system.open(file.path, "rb"),
                self._relative(file.path),
                self.domain.raw_tables[file.table],
            )
            return replace(file, contents=contents)

        # Most of the time is spent waiting for a disk or an object store.
        with ThreadPoolExecutor(READERS) as readers:
            return list(readers.map(inspected, files))

    def _relative(self, path: str) -> str:
        return posixpath.relpath(path, self.root)


def _file_system_of(uri: str) -> tuple[AbstractFileSystem, str]:
    try:
        file_system, root = fsspec.core.url_to_fs(uri)
    # An unknown scheme, a library that is not installed, a URI that the library does not accept.
    except Exception as error:
        raise LandingError(
            f"the landing {uri} cannot be opened, a local folder or a URI like s3://bucket/prefix "
            f"is expected: {in_words(error)}"
        ) from error
    return file_system, root


def _problems_of(verdict: Verdict) -> list[str]:
    told = []
    if problem := verdict.manifest_problem:
        what = "is stale" if problem.state is State.STALE else "cannot be read"
        told.append(f"manifest {problem.path} {what}: {problem.text}")
    return told + [str(p) for p in verdict.problems if p.state is not State.NO_ROWS]


def _warnings_of(verdict: Verdict) -> list[str]:
    empty = [str(problem) for problem in verdict.problems if problem.state is State.NO_ROWS]
    return [*verdict.warnings, *empty]


def _what_lies_in(listing: Listing) -> str:
    unreadable = [f"{path} ({reason})" for path, reason in listing.unreadable.items()]
    paths = sorted(path for path in listing.sizes if not path.startswith("."))
    return names_of([*unreadable, *paths], _NAMES_TOLD) or "nothing"
