"""Which files a night consists of, and whether they are there and whole: one judge for two.

The readiness check decides by it whether a night is started, and the loader whether it is loaded,
so what one calls ready the other loads. They differ in one state: the check does not start a night
with a table of zero rows, `State.NO_ROWS`, which loads with a warning. And the check trusts no
night without a manifest. Beyond that the loader opens the files, which the check never does.

Nothing but the standard library: the readiness check's package holds this module too.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from shelfweek.manifest import (
    BusinessDates,
    Entry,
    ManifestError,
    OtherNightError,
    parse_manifest,
)
from shelfweek.places import Kind, Place, is_root_folder, manifest_paths, nights_behind

_NAMES_IN_A_WARNING = 5
_NAMES_IN_A_PROBLEM = 10


class State(StrEnum):
    """State of a table; of several that hold, the first in this order is told."""

    STALE = "stale"
    UNREADABLE = "not readable"
    UNFIT = "does not fit"
    MISSING = "missing"
    EMPTY = "empty"
    SHORT = "short"
    LONG = "too long"
    UNLISTED = "not in the manifest"
    NO_ROWS = "no rows"
    UNCONFIRMED = "not confirmed"
    READY = "ready"


@dataclass(frozen=True)
class Listing:
    """What lies in a landing; paths are relative to it.

    Attributes:
        sizes: bytes of each file. A path that ends in a slash is a folder that was not looked into.
        unreadable: why a folder cannot be listed, or a file not be looked at.
    """

    sizes: Mapping[str, int]
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NightFile:
    """A file of a night: size in bytes; rows and dates as its manifest tells them."""

    table: str
    path: str
    size: int
    row_count: int | None = None
    first_business_date: date | None = None
    last_business_date: date | None = None

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return posixpath.basename(self.path)


@dataclass(frozen=True)
class Problem:
    """Why a night is not whole.

    Attributes:
        table: None where it is not one table's.
        path: of the file or folder that `text` goes on from; empty where the text stands alone.
    """

    table: str | None
    state: State
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path} {self.text}".lstrip()

    @property
    def brief(self) -> str:
        """The problem with the file's name instead of its path."""
        return f"{posixpath.basename(self.path)} {self.text}".lstrip()


@dataclass(frozen=True)
class Verdict:
    """What a night consists of.

    Attributes:
        files: what is to be loaded, in the manifest's order, or by path without a manifest.
        problems: of tables, files and folders. With `State.NO_ROWS` alone the night loads.
        manifest_problem: why its manifest cannot be used; None also where there is none.
        ignored: files that fit but are not in the manifest.
        warnings: what lies in the night's folders and is not read.
    """

    files: tuple[NightFile, ...]
    problems: tuple[Problem, ...]
    manifest_problem: Problem | None
    ignored: tuple[NightFile, ...]
    warnings: tuple[str, ...]


def manifest_path(load_date: date, listing: Listing) -> str | None:
    """Where the night's manifest lies; None where it has none."""
    return next((path for path in manifest_paths(load_date) if path in listing.sizes), None)


def judge(
    load_date: date, tables: BusinessDates, listing: Listing, manifest: bytes | None
) -> Verdict:
    """Judge a night.

    tables: the raw tables, all of which a night has. listing: at least what lies in the landing's
    own folder and in all folders of the night; what is of other nights does not matter.
    manifest: the content of the file at `manifest_path`; None where there is none.
    """
    kinds: dict[Kind, list[Place]] = defaultdict(list)
    for path in sorted(listing.sizes):
        if place := Place.of(path, tables):
            kinds[place.kind(load_date)].append(place)
    fitting = [
        NightFile(place.fit[0], place.path, listing.sizes[place.path])
        for place in kinds[Kind.FITTING]
        if place.fit
    ]
    entries, manifest_problem = _entries(load_date, tables, listing, manifest)
    problems = [
        *_problems_of_the_unreadable(load_date, tables, listing),
        *_problems_of_places(load_date, kinds, has_manifest=entries is not None),
    ]
    files: list[NightFile] = []
    ignored: list[NightFile] = []
    for table in tables:
        present = [file for file in fitting if file.table == table]
        if entries is None:
            chosen, faults = present, _faults_of_names(table, load_date, present)
        else:
            named = [entry for entry in entries if entry.table == table]
            chosen, rest, faults = _by_manifest(table, load_date, present, named)
            ignored += rest
        if not present and faults:
            faults[-1] = _with_what_lies_there(faults[-1], kinds)
        files += chosen
        problems += faults
    return Verdict(
        files=tuple(files),
        problems=tuple(problems),
        manifest_problem=manifest_problem,
        ignored=tuple(ignored),
        warnings=tuple(_warnings(kinds, ignored, has_manifest=entries is not None)),
    )


def _entries(
    load_date: date, tables: BusinessDates, listing: Listing, manifest: bytes | None
) -> tuple[tuple[Entry, ...] | None, Problem | None]:
    """The manifest's entries, or why there are none."""
    if manifest is None:
        return None, None
    try:
        return parse_manifest(manifest, load_date, tables), None
    except ManifestError as error:
        state = State.STALE if isinstance(error, OtherNightError) else State.UNREADABLE
        return None, Problem(None, state, manifest_path(load_date, listing) or "", str(error))


def _problems_of_the_unreadable(
    load_date: date, tables: Collection[str], listing: Listing
) -> list[Problem]:
    problems = []
    for path, reason in sorted(listing.unreadable.items()):
        if is_root_folder(path, tables) or load_date in nights_behind(path, tables):
            folder = path.partition("/")[0].lower()
            table = folder if folder in tables else None
            problems.append(Problem(table, State.UNREADABLE, path, f"cannot be read: {reason}"))
    return problems


def _problems_of_places(
    load_date: date, kinds: Mapping[Kind, Sequence[Place]], *, has_manifest: bool
) -> list[Problem]:
    problems = [
        Problem(
            place.table,
            State.STALE,
            place.path,
            f"lies in tonight's folder but is of {place.fit[1]}",
        )
        for place in kinds.get(Kind.OTHER_DATE, ())
        if place.fit
    ]
    for place in kinds.get(Kind.UNFIT, ()):
        table = place.named_table
        folder = f"{table}/load_date={load_date}/" if "/" in place.path else ""
        stem = f"{table}_{load_date:%Y%m%d}"
        text = (
            f"{place.path} fits no file of the night: {folder}{stem}.csv, {stem}_2.csv or the "
            "like, also with .gz, is expected; rename it, or move it away"
        )
        problems.append(Problem(table, State.UNFIT, "", text))
    # A manifest says which of two copies counts: the one in its table's folder.
    for place in () if has_manifest else kinds.get(Kind.MISPLACED, ()):
        table = place.named_table
        text = (
            f"{place.path} lies in the wrong folder: move it to {table}/load_date={load_date}/, "
            "or out of the night's folder"
        )
        problems.append(Problem(table, State.UNFIT, "", text))
    return problems


def _faults_of_names(table: str, load_date: date, present: Sequence[NightFile]) -> list[Problem]:
    """What is wrong with the files of a table without a manifest to go by."""
    if not present:
        text = f"no file for table {table}: none like {table}_{load_date:%Y%m%d}.csv"
        return [Problem(table, State.MISSING, "", text)]
    faults = [_empty(file) for file in present if not file.size]
    copies: dict[str, list[str]] = defaultdict(list)
    for file in present:
        copies[file.name.removesuffix(".gz")].append(file.path)
    faults += [
        Problem(
            table,
            State.UNCONFIRMED,
            "",
            f"{name} lies there {len(paths)} times: {', '.join(paths)}; leave one of them",
        )
        for name, paths in copies.items()
        if len(paths) > 1
    ]
    return faults


def _by_manifest(
    table: str, load_date: date, present: Sequence[NightFile], entries: Sequence[Entry]
) -> tuple[list[NightFile], list[NightFile], list[Problem]]:
    """The files of a table that its entries name, those that they do not, and what is wrong."""
    found: dict[str, NightFile] = {}
    for file in sorted(present, key=lambda file: "/" not in file.path):
        found.setdefault(file.name, file)
    named = {entry.name for entry in entries}
    ignored = [f for f in present if f.name not in named or f is not found[f.name]]
    files, faults = [], []
    for entry in entries:
        named_file = found.get(entry.name)
        if fault := _fault_of(entry, named_file, load_date):
            faults.append(fault)
        elif named_file:
            files.append(
                replace(
                    named_file,
                    row_count=entry.row_count,
                    first_business_date=entry.first_business_date,
                    last_business_date=entry.last_business_date,
                )
            )
    if not entries and ignored:
        told = [f"the manifest does not name {file.name}" for file in ignored]
        faults += [Problem(table, State.UNLISTED, "", text) for text in told]
    elif not entries:
        text = f"no file for table {table}, and none in the manifest"
        faults.append(Problem(table, State.MISSING, "", text))
    elif all(entry.row_count == 0 for entry in entries):
        text = f"table {table} has 0 rows in the manifest: nothing but a header line"
        faults.append(Problem(table, State.NO_ROWS, "", text))
    return files, ignored, faults


def _fault_of(entry: Entry, file: NightFile | None, load_date: date) -> Problem | None:
    """What is wrong with the file that an entry names."""
    if entry.day != load_date:
        text = f"the manifest names {entry.name} of {entry.day}"
        return Problem(entry.table, State.STALE, "", text)
    if file is None:
        return Problem(entry.table, State.MISSING, entry.name, "is not there")
    if file.size == 0:
        return _empty(file)
    if file.size != entry.size:
        state = State.SHORT if file.size < entry.size else State.LONG
        text = f"has {file.size:,} of the {entry.size:,} bytes that the manifest names"
        return Problem(entry.table, state, file.path, text)
    return None


def _empty(file: NightFile) -> Problem:
    text = "has 0 bytes: not even a header line"
    return Problem(file.table, State.EMPTY, file.path, text)


def _with_what_lies_there(fault: Problem, kinds: Mapping[Kind, Sequence[Place]]) -> Problem:
    """The fault of a table without any file, with what may have been meant."""
    unread = [
        place.path
        for kind in (Kind.UNFIT, Kind.MISPLACED, Kind.OTHER_DATE, Kind.STRANGE)
        for place in kinds.get(kind, ())
        if place.table in (None, fault.table)
    ]
    if not unread:
        return fault
    told = names_of(unread, _NAMES_IN_A_PROBLEM)
    return replace(fault, text=f"{fault.text}; what lies there: {told}")


def _warnings(
    kinds: Mapping[Kind, Sequence[Place]], ignored: Iterable[NightFile], *, has_manifest: bool
) -> list[str]:
    warnings = [f"{file.path} is not in the manifest and was ignored" for file in ignored]
    if has_manifest and (copies := [place.path for place in kinds.get(Kind.MISPLACED, ())]):
        told = names_of(copies, _NAMES_IN_A_WARNING)
        warnings.append(f"not read, as they do not lie in their table's folder: {told}")
    # The landing's own folder is one of the night's only where its files lie there.
    is_flat = any(place.table is None for place in kinds.get(Kind.FITTING, ()))
    strange = [p.path for p in kinds.get(Kind.STRANGE, ()) if p.table or is_flat]
    if strange:
        told = names_of(strange, _NAMES_IN_A_WARNING)
        warnings.append(f"not read, as their names fit no file of the night: {told}")
    return warnings


def names_of(paths: Sequence[str], most: int) -> str:
    """The first few of some paths, and how many more there are."""
    told = ", ".join(paths[:most])
    return f"{told} and {len(paths) - most} more" if len(paths) > most else told
