"""What a path of a landing is: a file of a night, nearly one, something else, or a by-product.

And how the location of a landing or a lake is written.

Files of a night lie in `<table>/load_date=YYYY-MM-DD/`, or all in the flat landing, and are named
`<table>_YYYYMMDD[_<part>].csv[.gz]`. Paths are relative to the landing, with slashes; tables are
named in lower case.

Nothing but the standard library: the readiness check's package holds this module too.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from functools import cache

MANIFEST = "manifest"

_FILE_NAME = re.compile(r"(?P<table>[a-z][a-z0-9_]*?)_(?P<day>[0-9]{8})(?:_\w+)?\.csv(?:\.gz)?")
_MANIFEST_NAME = re.compile(r"manifest_(?P<day>[0-9]{8})\.json")
_NIGHT_FOLDER = re.compile(r"load_date=(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})", re.IGNORECASE)
_DATE_IN_NAME = re.compile(r"(?<![0-9])([0-9]{4})[-_]?([0-9]{2})[-_]?([0-9]{2})")
# Hidden files; marks of Hadoop and Spark; checksums; folders that object stores keep as objects.
_BY_PRODUCT = re.compile(
    r"|\..*|_success|_(?:started|committed).*|.*_\$folder\$"
    r"|.*\.(?:md5|sha1|sha256|sha512|crc)|(?:md5|sha1|sha256|sha512)sums?(?:\.txt)?",
    re.IGNORECASE,
)


def canonical_location(location: str) -> str:
    """The location of a folder as it is written everywhere: s3:// and no slash at its end.

    s3a:// and s3n:// are other names of s3://; a location of another scheme keeps its own.
    """
    named = re.sub(r"^s3[an]?://", "s3://", location, flags=re.IGNORECASE)
    return re.sub(r"(?<=[^/:])/+\Z", "", named)


class Kind(Enum):
    """What a file is for one night."""

    FITTING = auto()
    OTHER_DATE = auto()
    MISPLACED = auto()
    UNFIT = auto()
    STRANGE = auto()
    NOT_OF_THE_NIGHT = auto()


@dataclass(frozen=True)
class Place:
    """A file that is no by-product, in a folder where files of nights may lie.

    Attributes:
        table: that of the folder, or `manifest`; None in the landing's own folder.
        folder_day: the date of the folder `load_date=`; None above such folders.
        is_home: whether it lies just where files of this table and date belong.
        is_misspelled: whether its folders have other letter case than they should.
        fit: table and date of a name that fits.
        carried: tables and dates that the name carries, whether it fits or not.
    """

    path: str
    table: str | None
    folder_day: date | None
    is_home: bool
    is_misspelled: bool
    fit: tuple[str, date] | None
    carried: frozenset[tuple[str, date]]

    @classmethod
    def of(cls, path: str, tables: Collection[str]) -> Place | None:
        """The place of a path; None for by-products and in folders that are nobody's."""
        *folders, name = path.split("/")
        if any(_BY_PRODUCT.fullmatch(part) for part in (*folders, name)):
            return None
        table = folders[0].lower() if folders else None
        if table is not None and table not in tables and table != MANIFEST:
            return None
        day = None
        if len(folders) > 1:
            day = folder_date(folders[1])
            if day is None:
                return None
        home = [table, f"load_date={day}"]
        return cls(
            path=path,
            table=table,
            folder_day=day,
            is_home=not folders or folders == home,
            is_misspelled=folders[:2] != home[: len(folders)],
            fit=fitting(name, tables),
            carried=_carried(name, tuple(tables)),
        )

    @property
    def days(self) -> set[date]:
        """The nights that the file may be of; none where nothing tells."""
        if self.folder_day:
            return {self.folder_day}
        if manifest := _MANIFEST_NAME.fullmatch(self.path):
            return {day for day in [calendar_date(manifest["day"])] if day}
        return {day for _, day in self.carried}

    @property
    def named_table(self) -> str | None:
        """The table that the file is probably of; None where nothing tells."""
        named = sorted(table for table, _ in self.carried)
        return self.table if self.table in named or not named else named[0]

    def kind(self, load_date: date) -> Kind:
        """What the file is for a night."""
        if self.folder_day not in (None, load_date) or self.path in manifest_paths(load_date):
            return Kind.NOT_OF_THE_NIGHT
        is_carried = any(day == load_date for _, day in self.carried)
        if self.folder_day is None and not is_carried:
            is_anybodys = self.table is None and not self.days
            return Kind.STRANGE if is_anybodys else Kind.NOT_OF_THE_NIGHT
        if self.fit and not self.is_misspelled and self.table != MANIFEST:
            if is_carried:
                is_own = self.is_home and self.table in (None, self.fit[0])
                return Kind.FITTING if is_own else Kind.MISPLACED
            if self.is_home:
                return Kind.OTHER_DATE
        return Kind.UNFIT if is_carried else Kind.STRANGE


def fitting(name: str, tables: Collection[str]) -> tuple[str, date] | None:
    """The table and the load date of a file of this name; None where the name does not fit."""
    match = _FILE_NAME.fullmatch(name)
    day = calendar_date(match["day"]) if match and match["table"] in tables else None
    return (match["table"], day) if match and day else None


def manifest_paths(load_date: date) -> tuple[str, str]:
    """Where a night's manifest may lie: in its folder, or in the flat landing."""
    name = f"{MANIFEST}_{load_date:%Y%m%d}.json"
    return f"{MANIFEST}/load_date={load_date}/{name}", name


def is_root_folder(path: str, tables: Collection[str]) -> bool:
    """Whether a path is the folder of a table or of the manifests, in any letter case."""
    return path.lower() in tables or path.lower() == MANIFEST


def folder_date(name: str) -> date | None:
    """The date of a folder `load_date=YYYY-MM-DD`, in any letter case; None if it is none."""
    match = _NIGHT_FOLDER.fullmatch(name)
    return calendar_date(match["day"]) if match else None


def nights_behind(path: str, tables: Collection[str]) -> set[date]:
    """The nights that a folder or file, it is not known which of them, may hold something of."""
    places = (Place.of(path, tables), Place.of(f"{path}/-", tables))
    return {day for place in places if place for day in place.days}


def calendar_date(text: str) -> date | None:
    """The date that eight digits, or ten characters like 2026-11-20, stand for; None if none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _carried(name: str, tables: tuple[str, ...]) -> frozenset[tuple[str, date]]:
    if fit := fitting(name, tables):
        return frozenset([fit])
    days = (calendar_date("-".join(found)) for found in _DATE_IN_NAME.findall(name))
    named = _table_names(tables).findall(name)
    return frozenset((table.lower(), day) for day in days if day for table in named)


@cache
def _table_names(tables: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"(?<![a-z])(?:{'|'.join(tables)})(?![a-z])", re.IGNORECASE)
