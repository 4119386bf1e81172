"""Check and loader come to the same verdict on whatever may lie in a landing.

The loader reads a local folder, the check the same files through S3's listings.
"""

from __future__ import annotations

import gzip
import io
import json
import posixpath
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from domains import RETAIL
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dump import Dump, read_dump
from shelfweek.landing import Landing, LandingError
from shelfweek.night_files import State

LOAD_DATE = date(2026, 11, 20)
DIGITS = f"{LOAD_DATE:%Y%m%d}"
BUCKET, PREFIX = "lake", "land/ing"
MANIFEST = f"manifest_{DIGITS}.json"

Files = dict[str, bytes]


@dataclass(frozen=True)
class Bucket:
    """What `read_dump` asks of S3, answered from files in memory, a key at a time."""

    files: Files

    def get_paginator(self, _: str) -> Bucket:
        """The only list there is."""
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[dict[str, Any]]:
        """Keys below a prefix; those beyond a delimiter as one."""
        objects: dict[str, int] = {}
        folders: set[str] = set()
        for path, content in self.files.items():
            key = f"{PREFIX}/{path}"
            rest = key.removeprefix(Prefix)
            if rest == key:
                continue
            if Delimiter and Delimiter in rest:
                folders.add(Prefix + rest.partition(Delimiter)[0] + Delimiter)
            else:
                objects[key] = len(content)
        yield {}
        for key in sorted(objects):
            yield {"Contents": [{"Key": key, "Size": objects[key]}]}
        yield {"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)]}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        """An object's content."""
        return {"Body": io.BytesIO(self.files[Key.removeprefix(f"{PREFIX}/")])}


def content_of(name: str) -> bytes:
    """A header line and a row, as the name of a file promises."""
    table = next((table for table in RETAIL.raw_tables if table in name.lower()), "store")
    columns = RETAIL.raw_tables[table].columns
    text = ",".join(columns) + "\n" + "," * (len(columns) - 1) + "\n"
    return gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode()


def checked(files: Files) -> Dump:
    """What the check finds."""
    return read_dump(Bucket(files), BUCKET, PREFIX, LOAD_DATE, RETAIL.business_dates)


def loaded(files: Files) -> list[str] | LandingError:
    """Which files the loader takes, or why it refuses the night."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        try:
            night = Landing.scan(folder, RETAIL).open_night(LOAD_DATE)
        except LandingError as error:
            return error
        return [Path(file.path).relative_to(folder).as_posix() for file in night.files]


def loads_by_one_verdict(files: Files) -> bool:
    """Let both judge, and return whether the night loads."""
    judged, found = checked(files), loaded(files)
    states = {table.state for table in judged.tables}
    if isinstance(found, LandingError):
        assert not states <= {State.READY, State.NO_ROWS}, found
        return False
    if (judged.manifest_problem or "").startswith("missing"):
        assert not judged.is_ready
        return True
    assert states <= {State.READY, State.NO_ROWS}, judged
    uris = [uri for table in judged.tables for uri in table.uris]
    assert sorted(uris) == sorted(f"s3://{BUCKET}/{PREFIX}/{path}" for path in found)
    return True


# --- the forms of a manifest that have been met --------------------------------------------------


def night(*, flat: bool = False) -> Files:
    """The files of a whole night without its manifest."""
    names = {table: f"{table}_{DIGITS}.csv" for table in RETAIL.raw_tables}
    return {
        name if flat else f"{table}/load_date={LOAD_DATE}/{name}": content_of(name)
        for table, name in names.items()
    }


def entries_of(files: Files) -> list[Any]:
    """What a manifest says of files."""
    entries: list[Any] = []
    for path, content in files.items():
        name = posixpath.basename(path)
        table = name.partition("_")[0]
        entry = {"table": table, "file_name": name, "bytes": len(content), "rows": 1}
        if table in ("sales", "inventory"):
            entry |= {"first_business_date": "2026-10-16", "last_business_date": "2026-11-19"}
        entries.append(entry)
    return entries


def each(**fields: Any) -> Callable[[list[Any]], Any]:
    """Change fields of every entry; a function is given the old value."""

    def change(entries: list[Any]) -> list[Any]:
        return [
            entry | {k: v(entry.get(k)) if callable(v) else v for k, v in fields.items()}
            for entry in entries
        ]

    return change


# Name, what it makes of the entries, whether the night loads.
FORMS: list[tuple[str, Callable[[list[Any]], Any], bool]] = [
    ("list", lambda e: e, True),
    ("object", lambda e: {"files": e}, True),
    ("load date", lambda e: {"load_date": "2026-11-20", "files": e}, True),
    ("load date with a time", lambda e: {"load_date": "2026-11-20T00:00:00", "files": e}, True),
    ("null load date", lambda e: {"load_date": None, "files": e}, True),
    ("load date of another night", lambda e: {"load_date": "2026-11-19", "files": e}, False),
    ("load date as an epoch", lambda e: {"load_date": 1763596800, "files": e}, False),
    ("extra keys", lambda e: {"version": 3, "files": each(etag="x")(e)}, True),
    ("no rows told", each(rows=None), True),
    ("zero rows", each(rows=0), True),
    ("digits", each(bytes=str, rows=str), True),
    ("floats", each(bytes=float), False),
    ("negative bytes", each(bytes=-1), False),
    ("negative rows", each(rows=-1), False),
    ("booleans", each(rows=True), False),
    ("other bytes", each(bytes=7), False),
    ("paths", each(file_name=lambda name: f"s3://lake/land/ing/{name}"), True),
    ("another night's files", each(file_name=lambda n: n.replace("1120", "1119")), False),
    ("upper-case tables", each(table=str.upper), True),
    ("upper-case keys", lambda es: [{k.upper(): v for k, v in e.items()} for e in es], True),
    ("other tables", each(table="promo"), False),
    ("dates with a time", each(first_business_date="2026-10-16 00:00:00"), True),
    ("dates of noon", each(first_business_date="2026-10-16T12:00:00Z"), False),
    ("dates as epochs", each(first_business_date=1760572800), False),
    ("dates the other way round", each(first_business_date="2026-11-21"), False),
    ("names only", lambda es: [e["file_name"] for e in es], False),
    ("names by table", lambda es: {e["table"]: e["file_name"] for e in es}, False),
    ("an entry twice", lambda es: [*es, es[0]], False),
    ("an entry missing", lambda es: es[1:], False),
    ("a null among entries", lambda es: [*es, None], False),
    ("nothing", lambda es: [], False),
    ("a text", lambda es: "files", False),
]  # fmt: skip


@pytest.mark.parametrize("flat", [False, True], ids=["folders", "flat"])
@pytest.mark.parametrize(("form", "loads"), [f[1:] for f in FORMS], ids=[f[0] for f in FORMS])
def test_a_manifest_means_one_thing(
    form: Callable[[list[Any]], Any], loads: bool, flat: bool
) -> None:
    files = night(flat=flat)
    document = form(entries_of(files))
    place = MANIFEST if flat else f"manifest/load_date={LOAD_DATE}/{MANIFEST}"
    assert loads_by_one_verdict(files | {place: json.dumps(document).encode()}) == loads


# --- whatever may lie there ----------------------------------------------------------------------

OTHER_FOLDERS = [
    "", "sales/", "Sales/", f"sales/load_date={LOAD_DATE}/", f"Sales/load_date={LOAD_DATE}/",
    f"sales/LOAD_DATE={LOAD_DATE}/", f"sales/load_date={LOAD_DATE}/old/",
    f"store/load_date={LOAD_DATE}/", f"backup/sales/load_date={LOAD_DATE}/",
    "sales/load_date=2026-11-19/", f"manifest/load_date={LOAD_DATE}/", "sales/other/",
    f"sales/load_date={LOAD_DATE}/.old/",
]  # fmt: skip
OTHER_NAMES = [
    *(f"sales_{DIGITS}{ending}" for ending in (".csv", "_2.csv", ".csv.gz", "-2.csv", ".csv.md5")),
    "sales_20261119.csv", f"SALES_{DIGITS}.csv", f"sales_{LOAD_DATE}.csv", f"store_{DIGITS}.csv",
    f"copy of store_{DIGITS} (1).csv", "notes.txt", "_SUCCESS", "part-00000.csv", MANIFEST,
]  # fmt: skip
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]
SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 1, 1.0, "", "1", "2026-11-19", "2026-11-20T00:00:00", 1763596800, "promo",
     f"x/sales_{DIGITS}.csv", "sales_20261119.csv", {}, [], [[[[]]]], 10**30]
)  # fmt: skip
FIELDS = st.sampled_from(
    ["table", "file_name", "bytes", "rows", "first_business_date", "last_business_date", "size"]
)


@st.composite
def manifests(draw: st.DrawFn, files: Files) -> bytes:
    """The manifest of files, spoiled here and there."""
    document = entries_of(files)
    if draw(st.booleans()):
        form = draw(st.sampled_from([form for _, form, _ in FORMS]))
        document = form(document)
    else:
        for change in draw(st.lists(st.dictionaries(FIELDS, SCALARS, max_size=2), max_size=2)):
            position = draw(st.integers(0, len(document) - 1))
            document[position] = document[position] | change
    return json.dumps(document).encode(draw(st.sampled_from(ENCODINGS)))


@st.composite
def landings(draw: st.DrawFn) -> Files:
    """A night, with what lies beside it, what is missing, and what is empty."""
    flat = draw(st.booleans())
    files = night(flat=flat)
    if draw(st.booleans()):
        folder = "" if flat else f"sales/load_date={LOAD_DATE}/"
        files[f"{folder}sales_{DIGITS}_2.csv"] = content_of("sales")
    content = draw(manifests(files))
    for path in draw(st.lists(st.sampled_from(sorted(files)), max_size=1)):
        if draw(st.booleans()):
            files[path] = b""
        else:
            del files[path]
    others = st.tuples(st.sampled_from(OTHER_FOLDERS), st.sampled_from(OTHER_NAMES))
    for folder, name in draw(st.lists(others, max_size=2)):
        files.setdefault(f"{folder}{name}", content_of(name))
    places = [MANIFEST, f"manifest/load_date={LOAD_DATE}/{MANIFEST}", f"backup/{MANIFEST}"]
    place = draw(st.sampled_from([places[not flat], *places, None]))
    return files | ({place: content} if place else {})


@settings(max_examples=400, deadline=None)
@given(landings())
def test_whatever_lies_there_both_come_to_one_verdict(files: Files) -> None:
    event("loads" if loads_by_one_verdict(files) else "is refused")
