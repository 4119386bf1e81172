"""Tonight's dump in the landing bucket: what lies there, and whether it is whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

TABLES = ("sales", "inventory", "store", "product", "calendar")

_FILE_NAME = re.compile(r"(?P<table>[a-z]+)_(?P<day>[0-9]{8})(?:_\w+)?\.csv(?:\.gz)?")


class State(StrEnum):
    """State of a table; of several that hold, the first in this order is told."""

    STALE = "stale"
    MISSING = "missing"
    EMPTY = "empty"
    SHORT = "short"
    LONG = "too long"
    UNLISTED = "not in the manifest"
    UNCONFIRMED = "not confirmed"
    READY = "ready"


class ManifestError(Exception):
    """The manifest is missing or cannot be used; the message says why."""


@dataclass(frozen=True)
class Entry:
    """One file as the manifest describes it."""

    table: str
    name: str
    size: int
    rows: int


@dataclass(frozen=True)
class Problem:
    """Why a table is not ready."""

    state: State
    text: str


@dataclass(frozen=True)
class Table:
    """One raw table tonight.

    Attributes:
        uris: the files that the manifest names, in its order.
        ignored: names of tonight's files that the manifest does not name. They do not hold the
            night up, and the run does not read them: a leftover of an earlier unload.
    """

    name: str
    uris: tuple[str, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """The state that tells the most."""
        order = list(State)
        return min((p.state for p in self.problems), key=order.index, default=State.READY)


@dataclass(frozen=True)
class Dump:
    """The dump of one night.

    Attributes:
        manifest_problem: why the manifest cannot be used; None where it can.
    """

    landing_uri: str
    manifest_uri: str
    manifest_problem: str | None
    tables: tuple[Table, ...]

    @property
    def is_ready(self) -> bool:
        """Whether the manifest and every file that it names are there as it says.

        Without a manifest that can be used no table is ready.
        """
        return all(table.state is State.READY for table in self.tables)


def read_dump(s3: Any, bucket: str, prefix: str, load_date: date) -> Dump:
    """Judge the dump of a night by the names and sizes in the bucket and by its manifest.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: the bucket cannot be
            listed or read.
    """
    folder = f"{prefix}/manifest/load_date={load_date}/"
    name = f"manifest_{load_date:%Y%m%d}.json"
    key = folder + name
    entries, problem = None, None
    try:
        # Asked for an object that is not there, S3 says "denied" to those who may list only a
        # prefix. So the list tells whether it is there.
        if name not in _list(s3, bucket, folder):
            raise ManifestError("missing: the unload has not finished, or not even started")
        entries = _read_manifest(s3, bucket, key, load_date)
    except ManifestError as error:
        problem = str(error)
    tables = []
    for table in TABLES:
        folder = f"{prefix}/{table}/load_date={load_date}/"
        sizes = _list(s3, bucket, folder)
        named = None if entries is None else [e for e in entries if e.table == table]
        tables.append(_judge(table, load_date, f"s3://{bucket}/{folder}", sizes, named))
    return Dump(f"s3://{bucket}/{prefix}", f"s3://{bucket}/{key}", problem, tuple(tables))


def _list(s3: Any, bucket: str, folder: str) -> dict[str, int]:
    """Sizes in bytes of the objects of a folder by their names without the folder."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
    return {
        item["Key"].removeprefix(folder): item["Size"]
        for page in pages
        for item in page.get("Contents", [])
    }


def _read_manifest(s3: Any, bucket: str, key: str, load_date: date) -> list[Entry]:
    try:
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except (ValueError, RecursionError):
        raise ManifestError("not readable: it is no JSON") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), list):
        raise ManifestError('not readable: an object with a list "files" is expected')
    if (told := manifest.get("load_date", str(load_date))) != str(load_date):
        raise ManifestError(f"stale: its load date is {str(told)[:40]}")
    entries = [_entry(item) for item in manifest["files"]]
    if twice := [name for name, count in Counter(e.name for e in entries).items() if count > 1]:
        raise ManifestError(f"not readable: it names {twice[0]} twice")
    return entries


def _entry(item: Any) -> Entry:
    if not isinstance(item, dict):
        raise ManifestError("not readable: one of its files is no object")
    table, name, size, rows = (item.get(k) for k in ("table", "file_name", "bytes", "rows"))
    match = _FILE_NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None or match["table"] != table or table not in TABLES:
        raise ManifestError(
            f"not readable: {str(name)[:80]!r} is no file name of table {str(table)[:40]!r}"
        )
    if type(size) is not int or size < 0 or type(rows) is not int or rows < 0:
        raise ManifestError(f"not readable: bytes and rows of {name} are not whole numbers")
    return Entry(table, match[0], size, rows)


def _judge(
    table: str,
    load_date: date,
    folder_uri: str,
    sizes: Mapping[str, int],
    entries: Sequence[Entry] | None,
) -> Table:
    """Compare a table's folder with its entries (None: there is no manifest to go by)."""
    days = {name: m["day"] for name in sizes if (m := _FILE_NAME.fullmatch(name))}
    tonight = f"{load_date:%Y%m%d}"
    problems = [
        Problem(State.STALE, f"{name} lies in tonight's folder but is of {_iso(day)}")
        for name, day in days.items()
        if day != tonight
    ]
    present = {name: sizes[name] for name, day in days.items() if day == tonight}
    if entries is None:
        problems += _problems_without_manifest(table, tonight, present)
        return Table(table, (), tuple(problems))
    ignored = sorted(present.keys() - {entry.name for entry in entries})
    for entry in entries:
        problems += _problems_of(entry, tonight, sizes)
    if not entries and ignored:
        problems += [Problem(State.UNLISTED, f"the manifest does not name {n}") for n in ignored]
    elif not entries:
        problems.append(Problem(State.MISSING, "no file, and none in the manifest"))
    elif not any(entry.rows for entry in entries):
        problems.append(Problem(State.EMPTY, "0 rows: nothing but a header line"))
    uris = tuple(f"{folder_uri}{entry.name}" for entry in entries)
    return Table(table, uris, tuple(problems), tuple(ignored))


def _problems_without_manifest(
    table: str, tonight: str, present: Mapping[str, int]
) -> list[Problem]:
    if not present:
        return [Problem(State.MISSING, f"no file like {table}_{tonight}.csv")]
    return [
        Problem(State.UNCONFIRMED, f"{name} has {size:,} bytes, which no manifest confirms")
        if size
        else Problem(State.EMPTY, f"{name} has 0 bytes")
        for name, size in present.items()
    ]


def _problems_of(entry: Entry, tonight: str, sizes: Mapping[str, int]) -> list[Problem]:
    match = _FILE_NAME.fullmatch(entry.name)
    if match and match["day"] != tonight:
        return [Problem(State.STALE, f"the manifest names {entry.name} of {_iso(match['day'])}")]
    size = sizes.get(entry.name)
    if size is None:
        return [Problem(State.MISSING, f"{entry.name} is not there")]
    if size == 0:
        return [Problem(State.EMPTY, f"{entry.name} has 0 bytes")]
    if size != entry.size:
        state = State.SHORT if size < entry.size else State.LONG
        told = f"{entry.name} has {size:,} of the {entry.size:,} bytes that the manifest names"
        return [Problem(state, told)]
    return []


def _iso(digits: str) -> str:
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
