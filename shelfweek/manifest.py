"""What a night's manifest says of its files.

Nothing but the standard library: the readiness check's package holds this module too.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from shelfweek.places import calendar_date, fitting

BusinessDates = Mapping[str, str | None]
"""The raw tables of a domain, each with the column of its business date.

Only for these does a manifest tell the dates that a file covers; None: the table is whole in every
dump.
"""

# 20,000 entries take 3 MiB. The readiness check has 256 MiB in all.
MAX_BYTES = 16 << 20

# As large as the engine's whole numbers.
_LARGEST = (1 << 63) - 1

_DATE = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]00:00(?::00(?:\.0{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)

# Our unload writes the first name of each field; manifests of other tools may use another one.
_FIELDS = {
    "table": ("table", "table_name"),
    "file": ("file_name", "file", "name", "path"),
    "bytes": ("bytes", "size", "size_bytes"),
    "rows": ("rows", "row_count"),
    "first": ("first_business_date", "first_date", "min_business_date"),
    "last": ("last_business_date", "last_date", "max_business_date"),
}
_AN_ENTRY = "an entry with table, file name and bytes is expected"


class ManifestError(Exception):
    """A manifest cannot be used; the message says why, and goes on from "not readable:"."""


class OtherNightError(ManifestError):
    """A manifest names the load date of another night."""


@dataclass(frozen=True)
class Entry:
    """One file as the manifest describes it.

    Attributes:
        name: the file's name without its folder, which fits the table; `day` is the date in it.
        size: bytes. row_count: None where the manifest does not tell.
        first_business_date, last_business_date: both or none; of tables with a business date.
    """

    table: str
    name: str
    day: date
    size: int
    row_count: int | None = None
    first_business_date: date | None = None
    last_business_date: date | None = None


def parse_manifest(content: bytes, load_date: date, tables: BusinessDates) -> tuple[Entry, ...]:
    """Read a manifest: JSON, a list of entries or an object with such a list under `files`.

    Raises:
        ManifestError: anything in it is not as expected; one sentence with the entry's position.
        OtherNightError: its load date is not this one.
    """
    if len(content) > MAX_BYTES:
        raise ManifestError(f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        document = json.loads(content)
    except RecursionError:
        raise ManifestError("its lists and objects are nested too deeply") from None
    except ValueError:
        raise ManifestError("it is no JSON in UTF-8, UTF-16 or UTF-32") from None
    root = _lowered(document) if isinstance(document, dict) else {"files": document}
    _expect_load_date(root.get("load_date"), load_date)
    files = root.get("files")
    if not isinstance(files, list):
        raise ManifestError('a list of entries, or an object with a list "files" is expected')
    if not files:
        raise ManifestError(f"its list of files is empty: {_AN_ENTRY} for each file")
    entries = tuple(_entry(number, item, tables) for number, item in enumerate(files, start=1))
    _expect_no_name_twice(entries)
    return entries


def _expect_load_date(told: object, load_date: date) -> None:
    if _is_missing(told) or (day := _date(told)) == load_date:
        return
    raise OtherNightError(f"its load date is {day or _shown(told)}, not {load_date}")


def _expect_no_name_twice(entries: tuple[Entry, ...]) -> None:
    numbers: dict[str, int] = {}
    for number, entry in enumerate(entries, start=1):
        if (before := numbers.setdefault(entry.name, number)) != number:
            raise ManifestError(f"it names {entry.name} twice, in entries {before} and {number}")


def _entry(number: int, item: object, tables: BusinessDates) -> Entry:
    if not isinstance(item, dict):
        raise ManifestError(f"entry {number} is {_shown(item)}: {_AN_ENTRY}")
    fields = _lowered(item)
    table, name, size, rows = (_field(fields, key) for key in ("table", "file", "bytes", "rows"))
    for what, value in (("table", table), ("file name", name), ("bytes", size)):
        if _is_missing(value):
            raise ManifestError(f"entry {number} has no {what}: {_AN_ENTRY}")
    table = table.lower() if isinstance(table, str) else table
    name = posixpath.basename(name) if isinstance(name, str) else name
    fit = fitting(name, tables) if isinstance(name, str) else None
    if fit is None or fit[0] != table:
        example = next(iter(tables))
        raise ManifestError(
            f"entry {number}: {_shown(name)} is no file name of table {_shown(table)}; "
            f"one like {example}_20261120.csv of table {example} is expected"
        )
    first, last = _covered(number, fields) if tables[fit[0]] else (None, None)
    return Entry(
        table=fit[0],
        name=name,
        day=fit[1],
        size=_whole_number(number, "bytes", size),
        row_count=None if _is_missing(rows) else _whole_number(number, "rows", rows),
        first_business_date=first,
        last_business_date=last,
    )


def _whole_number(number: int, what: str, value: object) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,19}", value):
        value = int(value)
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ManifestError(
            f"entry {number}: {what} is {_shown(value)}, a whole number of at least 0 is expected"
        )
    return value


def _covered(number: int, fields: Mapping[str, object]) -> tuple[date | None, date | None]:
    """The first and last business date that an entry covers: both, or none."""
    told = {key: _field(fields, key) for key in ("first", "last")}
    days: dict[str, date] = {}
    for key, value in told.items():
        if _is_missing(value):
            continue
        if (day := _date(value)) is None:
            raise ManifestError(
                f"entry {number}: the {key} business date is {_shown(value)}, "
                "a date like 2026-11-20 is expected"
            )
        days[key] = day
    if len(days) == 1:
        raise ManifestError(
            f"entry {number} has only one business date: the first and the last are expected"
        )
    if days and days["first"] > days["last"]:
        raise ManifestError(
            f"entry {number}: the first business date {days['first']} is later than the last, "
            f"{days['last']}"
        )
    return days.get("first"), days.get("last")


def _date(value: object) -> date | None:
    """The date of a text like 2026-11-20, also with a time part of midnight; None if it is none."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    return calendar_date(match["day"]) if match else None


def _field(fields: Mapping[str, Any], key: str) -> Any:
    values = (fields.get(name) for name in _FIELDS[key])
    return next((value for value in values if not _is_missing(value)), None)


def _is_missing(value: object) -> bool:
    return value is None or value == ""


def _lowered(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in item.items()}


def _shown(value: object) -> str:
    """A value for a message: short, and without what a terminal cannot print."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(value[:80]) if isinstance(value, str) else str(value)[:40]
