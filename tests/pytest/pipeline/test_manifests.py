"""A manifest in every form that one may have: read as it was meant, or refused in one sentence."""

from __future__ import annotations

import codecs
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfweek.manifest import MAX_BYTES, Entry, ManifestError, OtherNightError, parse_manifest

LOAD_DATE = date(2026, 11, 20)
TABLES = {"sales": "trans_dt", "inventory": "cal_dt", "store": None}
SALES: dict[str, Any] = {
    "table": "sales",
    "file_name": "sales_20261120.csv",
    "bytes": 9,
    "rows": 1,
    "first_business_date": "2026-10-16",
    "last_business_date": "2026-11-19",
}
ENTRY = Entry("sales", SALES["file_name"], LOAD_DATE, 9, 1, date(2026, 10, 16), date(2026, 11, 19))


def parsed(document: object) -> tuple[Entry, ...]:
    """The entries of a document."""
    return parse_manifest(json.dumps(document).encode(), LOAD_DATE, TABLES)


def refusal(content: bytes) -> str:
    """Why a manifest is refused."""
    with pytest.raises(ManifestError) as caught:
        parse_manifest(content, LOAD_DATE, TABLES)
    return str(caught.value)


def changed(**fields: object) -> dict[str, Any]:
    """The entry with other fields."""
    return {**SALES, **fields}


@pytest.mark.parametrize(
    "entry",
    [
        SALES,
        {name.upper(): value for name, value in SALES.items()},
        {
            "table_name": "SALES", "path": "s3://lake/x/sales_20261120.csv", "size": "9",
            "row_count": "1", "min_business_date": "2026-10-16T00:00:00Z",
            "max_business_date": "2026-11-19 00:00:00.000", "checksum": None,
        },
        {
            "table": "sales", "file_name": None, "file": "sales_20261120.csv", "size_bytes": 9,
            "rows": 1, "first_date": "2026-10-16T00:00:00+00:00", "last_date": "2026-11-19",
        },
    ],
)  # fmt: skip
def test_fields_may_have_other_names_and_forms(entry: dict[str, Any]) -> None:
    assert parsed([entry]) == (ENTRY,)
    assert parsed({"FILES": [entry], "load_date": "2026-11-20T00:00:00", "x": 1}) == (ENTRY,)


@pytest.mark.parametrize("missing", [None, ""])
def test_rows_and_dates_may_be_missing(missing: object) -> None:
    fields = ("rows", "first_business_date", "last_business_date")
    assert parsed([changed(**dict.fromkeys(fields, missing))]) == (
        Entry("sales", "sales_20261120.csv", LOAD_DATE, 9),
    )


def test_dates_of_whole_tables_do_not_count() -> None:
    store = changed(table="store", file_name="store_20261120.csv", first_business_date=7)
    assert parsed([store])[0].first_business_date is None


def test_tables_may_have_names_of_several_words() -> None:
    name = "order_lines_2_20261120_20261119.csv"
    entry = changed(table="Order_Lines_2", file_name=name)
    (found,) = parse_manifest(
        json.dumps([entry]).encode(), LOAD_DATE, {"order": None, "order_lines_2": "day"}
    )
    assert (found.table, found.day) == ("order_lines_2", LOAD_DATE)
    assert found.first_business_date == date(2026, 10, 16)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_a_manifest_in_any_unicode_is_read(encoding: str) -> None:
    text = json.dumps([{**SALES, "note": "caf\u00e9"}], ensure_ascii=False)
    assert parse_manifest(text.encode(encoding), LOAD_DATE, TABLES) == (ENTRY,)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("sales_20261120.csv", "entry 2 is 'sales_20261120.csv': an entry with table, file name"),
        (["sales"], "entry 2 is a list: an entry with table, file name and bytes is expected"),
        (None, "entry 2 is null: an entry"),
        ({}, "entry 2 has no table: an entry with table, file name and bytes is expected"),
        (changed(bytes=None), "entry 2 has no bytes"),
        (changed(file_name="sales_20261120-2.csv"), "'sales_20261120-2.csv' is no file name"),
        (changed(file_name="\ud800"), r"'\ud800' is no file name"),
        (changed(file_name=7), "entry 2: 7 is no file name of table 'sales'; one like sales_2026"),
        (changed(table="store"), "is no file name of table 'store'"),
        (changed(bytes=-1), "entry 2: bytes is -1, a whole number of at least 0 is expected"),
        (changed(bytes=9.0), "bytes is 9.0, a whole number"),
        (changed(bytes="9.0"), "bytes is '9.0', a whole number"),
        (changed(bytes="\u0669"), "bytes is '\u0669', a whole number"),
        (changed(bytes=True), "bytes is true, a whole number"),
        (changed(bytes=10**30), "a whole number"),
        (changed(rows=-1), "rows is -1, a whole number"),
        (changed(rows={}), "rows is an object, a whole number"),
        (changed(first_business_date=1760572800), "the first business date is 1760572800, a date"),
        (changed(last_business_date="19.11.2026"), "the last business date is '19.11.2026', a da"),
        (changed(last_business_date="2026-11-19T07:00:00"), "is '2026-11-19T07:00:00', a date"),
        (changed(last_business_date="2026-02-30"), "is '2026-02-30', a date"),
        (changed(last_business_date=None), "entry 2 has only one business date"),
        (changed(last_business_date="2026-10-15"), "2026-10-16 is later than the last, 2026-10-15"),
        (SALES, "it names sales_20261120.csv twice, in entries 1 and 2"),
    ],
)  # fmt: skip
def test_an_entry_that_is_none_is_told_by_its_position(entry: object, told: str) -> None:
    text = refusal(json.dumps([SALES, entry]).encode())
    assert told in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (codecs.BOM_UTF8, "it is no JSON"),
        (b"[" + b"9" * 5000 + b"]", "it is no JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "its lists and objects are nested too deeply"),
        (b'"text"', 'a list of entries, or an object with a list "files" is expected'),
        (b'{"file": []}', 'an object with a list "files" is expected'),
        (b'{"files": []}', "its list of files is empty: an entry with table, file name and bytes"),
        (b" " * (MAX_BYTES + 1), "it is larger than 16 MiB"),
    ],
)
def test_a_document_that_is_no_manifest_is_told(content: bytes, told: str) -> None:
    assert told in refusal(content)


@pytest.mark.parametrize(
    ("told", "shown"),
    [("2026-11-19", "2026-11-19"), (1763596800, "1763596800"), ("yesterday", "'yesterday'"),
     ([], "a list")],
)  # fmt: skip
def test_another_nights_manifest_is_told(told: object, shown: str) -> None:
    with pytest.raises(OtherNightError, match=f"its load date is {shown}, not 2026-11-20"):
        parsed({"load_date": told, "files": [SALES]})


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([*SALES.values(), "2026-11-19T00:00:00", "-1", "1e3", "9" * 30, 10**30])
)  # fmt: skip
NAMES = st.sampled_from([*SALES, "files", "load_date", "path", "size", "Table", "rows "])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
MUTATED = st.dictionaries(st.sampled_from([*SALES]), DOCUMENTS, max_size=3).map(
    lambda fields: {"files": [SALES | fields]}
)


@given(st.one_of(DOCUMENTS, MUTATED).map(lambda d: json.dumps(d).encode()) | st.binary(max_size=9))
def test_no_content_raises_anything_else(content: bytes) -> None:
    try:
        entries = parse_manifest(content, LOAD_DATE, TABLES)
    except ManifestError as error:
        assert str(error).isprintable(), "one line"
    else:
        assert all(entry.size >= 0 and (entry.row_count or 0) >= 0 for entry in entries)
