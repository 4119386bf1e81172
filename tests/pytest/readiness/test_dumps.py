"""Every way in which a dump is not whole, judged by the check and by the loader alike.

The check decides whether a night is started and the loader (shelfweek/landing.py) whether it is
loaded. Only a table of zero rows tells them apart.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from domains import RETAIL
from nights import BUCKET, PREFIX, NightDump, Put

from dump import Dump, read_dump
from sandbox.aws import Aws
from shelfweek.landing import Landing, LandingError
from shelfweek.night_files import State


@dataclass(frozen=True)
class Case:
    """A spoiled dump.

    Attributes:
        spoil: changes the night before it is written.
        states: of the tables that are not ready.
        text: what a problem or the manifest's problem says.
        loads: whether the loader would load it nevertheless.
    """

    name: str
    spoil: Callable[[NightDump], None]
    states: dict[str, State]
    text: str = ""
    loads: bool = False


def half_written(dump: NightDump) -> None:
    key = ("sales", dump.name("sales"))
    dump.contents[key] = dump.contents[key][: len(dump.contents[key]) // 2]


def grown(dump: NightDump) -> None:
    dump.contents["sales", dump.name("sales")] += b"1,2\n"


def zero_bytes(dump: NightDump) -> None:
    dump.contents["inventory", dump.name("inventory")] = b""


def zero_bytes_as_told(dump: NightDump) -> None:
    zero_bytes(dump)
    dump.entries = [
        replace(e, bytes=0, rows=0) if e.table == "inventory" else e for e in dump.entries
    ]


def header_only(dump: NightDump) -> None:
    dump.drop("store")
    dump.forget("store")
    dump.add("store", dump.name("store"), rows=0)


def one_part_header_only(dump: NightDump) -> None:
    dump.add("sales", dump.name("sales", "_2"), rows=0)


def yesterdays_file_instead(dump: NightDump) -> None:
    dump.drop("calendar")
    dump.contents["calendar", yesterdays_name(dump)] = dump.content("calendar", 2)


def yesterdays_file_beside(dump: NightDump) -> None:
    dump.contents["calendar", yesterdays_name(dump)] = dump.content("calendar", 2)


def yesterdays_file_in_the_manifest(dump: NightDump) -> None:
    dump.drop("calendar")
    dump.forget("calendar")
    dump.add("calendar", yesterdays_name(dump))


def yesterdays_name(dump: NightDump) -> str:
    return dump.name("calendar", day=dump.load_date - timedelta(days=1))


def file_missing(dump: NightDump) -> None:
    dump.drop("product")


def one_of_two_parts_missing(dump: NightDump) -> None:
    dump.add("sales", dump.name("sales", "_2"))
    del dump.contents["sales", dump.name("sales", "_2")]


def table_missing(dump: NightDump) -> None:
    dump.drop("product")
    dump.forget("product")


def not_named(dump: NightDump) -> None:
    dump.forget("product")


def extra_part(dump: NightDump) -> None:
    dump.contents["sales", dump.name("sales", "_9")] = dump.content("sales", 2)


def other_objects(dump: NightDump) -> None:
    for name in ("_SUCCESS", "readme.txt", f"{dump.name('sales')}.md5", "sub/sales_20200101.csv"):
        dump.contents["sales", name] = b"?"


def nearly_fitting(dump: NightDump) -> None:
    dump.contents["sales", dump.name("sales", "-2")] = b"?"


def copy_below(dump: NightDump) -> None:
    dump.contents["sales", f"old/{dump.name('sales')}"] = b"?"


def gzipped_parts(dump: NightDump) -> None:
    dump.drop("sales")
    dump.forget("sales")
    for part in ("_0_0_0", "_0_1_0"):
        name = dump.name("sales", part) + ".gz"
        dump.add("sales", name)
        content = gzip.compress(dump.contents["sales", name], mtime=0)
        dump.contents["sales", name] = content
        dump.entries[-1] = replace(dump.entries[-1], bytes=len(content))


def three_tables(dump: NightDump) -> None:
    for spoil in (half_written, zero_bytes, header_only):
        spoil(dump)


ALL = ("sales", "inventory", "store", "product", "calendar")
CASES = [
    Case("whole", lambda dump: None, {}, loads=True),
    Case("gzipped parts", gzipped_parts, {}, loads=True),
    Case("other objects in the folder", other_objects, {}, loads=True),
    Case("extra part that the manifest does not name", extra_part, {}, loads=True),
    Case("one part of header only", one_part_header_only, {}, loads=True),
    Case("copy in a folder below", copy_below, {}, loads=True),
    Case("nearly fitting", nearly_fitting, {"sales": State.UNFIT}, "fits no file of the night"),
    Case("half-written", half_written, {"sales": State.SHORT}, "has 72 of the 145 bytes"),
    Case("grown", grown, {"sales": State.LONG}),
    Case("zero bytes", zero_bytes, {"inventory": State.EMPTY}, "has 0 bytes"),
    Case("zero bytes as told", zero_bytes_as_told, {"inventory": State.EMPTY}, "has 0 bytes"),
    Case("header only", header_only, {"store": State.NO_ROWS}, "nothing but a header", loads=True),
    Case(
        "yesterday's file instead",
        yesterdays_file_instead,
        {"calendar": State.STALE},
        "lies in tonight's folder but is of",
    ),
    Case("yesterday's file beside", yesterdays_file_beside, {"calendar": State.STALE}),
    Case(
        "yesterday's file in the manifest",
        yesterdays_file_in_the_manifest,
        {"calendar": State.STALE},
        "the manifest names calendar_",
    ),
    Case("file missing", file_missing, {"product": State.MISSING}, "is not there"),
    Case("one of two parts missing", one_of_two_parts_missing, {"sales": State.MISSING}),
    Case("table missing", table_missing, {"product": State.MISSING}, "none in the manifest"),
    Case("not named", not_named, {"product": State.UNLISTED}, "the manifest does not name product"),
    Case(
        "all at once",
        three_tables,
        {"sales": State.SHORT, "inventory": State.EMPTY, "store": State.NO_ROWS},
    ),
]


def judge(account: Aws, dump: NightDump) -> Dump:
    s3, tables = account.client("s3"), RETAIL.business_dates
    return read_dump(s3, BUCKET, PREFIX, dump.load_date, tables)


def loads(dump: NightDump) -> bool:
    try:
        Landing.scan(str(dump.folder), RETAIL).open_night(dump.load_date)
    except LandingError:
        return False
    return True


def told(judged: Dump) -> str:
    problems = [problem.brief for table in judged.tables for problem in table.problems]
    return "\n".join([*problems, judged.manifest_problem or ""])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_states(case: Case, account: Aws, dump: NightDump, put: Put) -> None:
    case.spoil(dump)
    put()
    judged = judge(account, dump)
    states = {table.name: table.state for table in judged.tables}
    assert states == {table: case.states.get(table, State.READY) for table in ALL}
    assert judged.is_ready == (not case.states)
    assert case.text in told(judged)
    assert loads(dump) == case.loads
    if judged.is_ready:
        assert {t.name: list(t.uris) for t in judged.tables} == {t: dump.uris(t) for t in ALL}


def test_an_extra_part_is_told_and_not_given_to_the_run(
    account: Aws, dump: NightDump, put: Put
) -> None:
    extra_part(dump)
    put()
    sales = judge(account, dump).tables[0]
    assert sales.ignored == (dump.name("sales", "_9"),)
    assert sales.uris == tuple(dump.uris("sales"))


def test_without_a_manifest_nothing_is_ready(account: Aws, dump: NightDump, put: Put) -> None:
    zero_bytes(dump)
    yesterdays_file_beside(dump)
    dump.drop("store")
    put()
    key = f"{PREFIX}/{dump.manifest.relative_to(dump.folder).as_posix()}"
    account.client("s3").delete_object(Bucket=BUCKET, Key=key)
    judged = judge(account, dump)
    assert not judged.is_ready
    assert judged.manifest_problem == "missing: the unload has not finished, or not even started"
    assert {table.name: table.state for table in judged.tables} == {
        "sales": State.UNCONFIRMED,
        "inventory": State.EMPTY,
        "store": State.MISSING,
        "product": State.UNCONFIRMED,
        "calendar": State.STALE,
    }


def test_a_manifest_without_any_file_is_not_ready(account: Aws, dump: NightDump, put: Put) -> None:
    dump.contents.clear()
    put()
    assert {table.state for table in judge(account, dump).tables} == {State.MISSING}


FILE = {"table": "sales", "file_name": "sales_20310101.csv", "bytes": 9, "rows": 1}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is no JSON"),
        (b'{"files": [', "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"null", 'a list "files" is expected'),
        (b"[]", "its list of files is empty"),
        (b'{"files": {}}', 'a list "files" is expected'),
        ({"load_date": "2026-01-01", "files": []}, "stale: its load date is 2026-01-01"),
        ({"load_date": 7, "files": []}, "stale: its load date is 7"),
        ({"files": ["sales_20310101.csv"]}, "entry 1 is 'sales_20310101.csv': an entry with table"),
        ({"files": [{**FILE, "table": "promo"}]}, "is no file name of table 'promo'"),
        ({"files": [{**FILE, "table": ["sales"]}]}, "is no file name of table a list"),
        ({"files": [{**FILE, "table": "store"}]}, "is no file name of table 'store'"),
        ({"files": [{**FILE, "file_name": None}]}, "entry 1 has no file name"),
        ({"files": [{**FILE, "bytes": 9.0}]}, "entry 1: bytes is 9.0, a whole number"),
        ({"files": [{**FILE, "bytes": -1}]}, "entry 1: bytes is -1, a whole number"),
        ({"files": [{**FILE, "rows": True}]}, "entry 1: rows is true, a whole number"),
        ({"files": [{"table": "sales", "file_name": "sales_20310101.csv"}]}, "has no bytes"),
        ({"files": [FILE, FILE]}, "names sales_20310101.csv twice"),
    ],
)  # fmt: skip
def test_a_malformed_manifest_is_a_reason(
    content: Any, problem: str, account: Aws, dump: NightDump, put: Put
) -> None:
    put()
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    key = f"{PREFIX}/{dump.manifest.relative_to(dump.folder).as_posix()}"
    account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
    judged = judge(account, dump)
    assert not judged.is_ready
    assert problem in str(judged.manifest_problem)
    assert {table.state for table in judged.tables} == {State.UNCONFIRMED}
