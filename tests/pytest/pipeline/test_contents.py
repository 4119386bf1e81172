"""What is inside a file, without a server: what refuses a night, and where Spark must not look."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
import pytest
from domains import RETAIL
from dumps import LOAD_DATE
from hypothesis import given
from hypothesis import strategies as st

from shelfweek.contents import BlankRun, Contents, read_contents
from shelfweek.domain import RawTable
from shelfweek.landing import DataFile
from shelfweek.registration import locations

TEXTS = RawTable(
    name="product",
    columns=("key", "name", "size"),
    is_multi_line=True,
    encoding="UTF-8",
    business_date=None,
    declared_in="models/staging/shop/_shop__sources.yml",
)
NUMBERS = replace(TEXTS, name="sales", is_multi_line=False)
HEADER = "KEY,NAME,SIZE\n"


def contents_of(content: str | bytes, table: RawTable = TEXTS, name: str = "a.csv") -> Contents:
    """What is found in a file with this content."""
    raw = content.encode() if isinstance(content, str) else content
    return read_contents(lambda: cast(BinaryIO, io.BytesIO(raw)), name, table)


def fault_of(content: str | bytes, table: RawTable = TEXTS, name: str = "a.csv") -> str:
    """The only fault of a file."""
    (fault,) = contents_of(content, table, name).faults
    return fault


def lines_of(number: int) -> list[str]:
    """That many lines of data."""
    return [f"{key},Name {key},{key}\n" for key in range(1, number + 1)]


# --- the beginning -------------------------------------------------------------------------------

WHOLE = HEADER + "".join(lines_of(3))


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.csv", "a.csv of table product is empty: not even a header line"),
        (WHOLE.replace(",", ";"), "a.csv", "separated by semicolons, commas are expected"),
        (WHOLE.replace(",", "\t"), "a.csv", "separated by tabs"),
        (WHOLE.encode("utf-16"), "a.csv", "a.csv is UTF-16, UTF-8 is expected"),
        (WHOLE.encode("utf-16-le"), "a.csv", "a.csv is UTF-16, UTF-8 is expected"),
        (gzip.compress(WHOLE.encode()), "a.csv", "is gzip under a plain name: call it a.csv.gz"),
        (WHOLE, "a.csv.gz", "a.csv.gz is no gzip file"),
        ("Products of today\n" + WHOLE, "a.csv", "'Products of today': the header is line 2"),
        ("\n" + WHOLE, "a.csv", "begins with a blank line"),
        ("sep=,\n" + WHOLE, "a.csv", "begins with 'sep=,', a line for Excel"),
        ("".join(lines_of(3)), "a.csv", "begins with data, not with a header line: '1,Name 1,1'"),
        (b"PK\x03\x04 and more", "a.csv", "a.csv is a zip archive or an Excel workbook"),
        ("<html><body>denied</body></html>", "a.csv", "a.csv is a page or a JSON document"),
        ("KEY,NAME\n1,a\n", "a.csv", "a.csv of table product lacks columns SIZE"),
        ("KEY,NAME,SIZE,NAME\n", "a.csv", "a.csv of table product has NAME twice"),
    ],
    ids=[
        "empty",
        "semicolons",
        "tabs",
        "utf-16",
        "utf-16 without a mark",
        "hidden gzip",
        "no gzip",
        "title",
        "blank line",
        "sep=",
        "no header",
        "zip",
        "page",
        "lacks",
        "twice",
    ],
)
def test_what_is_no_csv_file_with_a_header_is_told_by_its_cause(
    content: str | bytes, name: str, words: str
) -> None:
    assert words in fault_of(content, name=name)


@pytest.mark.parametrize("header", ["KEY,NAME,SIZE,,,", "KEY,NAME,SIZE,NOTE,note,NOTE"])
def test_extra_columns_without_a_name_or_with_one_name_are_ignored(header: str) -> None:
    contents = contents_of(header + "\n1,a,2,,,\n")
    assert contents.faults == ()
    assert len(contents.columns) == 6
    (warning,) = contents.warnings
    assert warning.startswith("a.csv: extra columns ignored: ")


# --- the end, and the bytes between --------------------------------------------------------------


@pytest.mark.parametrize("table", [TEXTS, NUMBERS])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_ends_within_a_row_is_torn(table: RawTable, packed: bool) -> None:
    torn = (HEADER + "1,a,2\n2,b").encode()
    content, name = (gzip.compress(torn), "a.csv.gz") if packed else (torn, "a.csv")
    assert f"{name} ends in the middle of line 3" in fault_of(content, table, name)


@pytest.mark.parametrize("table", [TEXTS, NUMBERS])
def test_a_whole_last_line_without_line_end_is_a_warning(table: RawTable) -> None:
    contents = contents_of(HEADER + "1,a,2", table)
    assert contents.faults == ()
    assert contents.warnings == (
        "a.csv ends without a line end; its last line is whole and was loaded",
    )


def test_a_torn_gzip_file_is_named() -> None:
    packed = gzip.compress((HEADER + "".join(lines_of(500))).encode())
    for size in (30, len(packed) // 2, len(packed) - 4):
        assert "a.csv.gz is torn or damaged" in fault_of(packed[:size], name="a.csv.gz")


def test_text_of_another_encoding_is_told_with_its_place() -> None:
    text = HEADER + "1,a,2\n2,Montréal,3\n"
    fault = fault_of(text.encode("latin-1"))
    # KEY,NAME,SIZE and its line end are 14 bytes, the next line 6, and the letter is the 8th.
    assert "a.csv is not UTF-8: byte 0xE9 in line 3 (byte 28 of the text)" in fault
    assert "ISO-8859-1 would fit" in fault
    assert "windows-1252 would fit" in fault_of((HEADER + "1,5 €,2\n").encode("windows-1252"))


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "UTF-16"])
def test_an_encoding_that_the_table_declares_is_used(encoding: str) -> None:
    content = (HEADER + "1,Montréal,2\n").encode(encoding)
    assert contents_of(content, replace(TEXTS, encoding=encoding)).faults == ()


def test_a_file_that_cannot_be_opened_is_named() -> None:
    def refuse() -> BinaryIO:
        raise PermissionError(13, "Permission denied")

    (fault,) = read_contents(refuse, "sales/a.csv", TEXTS).faults
    assert fault == "sales/a.csv cannot be read: permission denied"


# --- records over several lines ------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_a_quote_that_is_never_closed_takes_all_lines_that_follow(packed: bool) -> None:
    lines = lines_of(100)
    lines[49] = '50,"Name 50,50\n'
    text = (HEADER + "".join(lines)).encode()
    contents = contents_of(
        gzip.compress(text) if packed else text, name="a.csv.gz" if packed else "a.csv"
    )
    (record,) = contents.malformed
    assert (record.line_number, record.line_count) == (51, 51)
    assert record.text.startswith('50,"Name 50,50\n51,') and record.text.endswith(
        "100,Name 100,100"
    )
    assert contents.blank_runs == (BlankRun(lines_before=50, line_count=51),)


def test_a_quote_that_a_later_text_closes_takes_the_lines_between() -> None:
    """Spark finds three fields in it, and no fault."""
    lines = lines_of(20)
    lines[4] = '5,"Name 5,5\n'
    lines[9] = '10,"Name 10",10\n'
    (record,) = contents_of(HEADER + "".join(lines)).malformed
    assert (record.line_number, record.line_count) == (6, 6)


def test_texts_with_line_ends_and_quotes_are_left_to_spark() -> None:
    text = (
        HEADER + '1,"two\nlines",1\n\n2,"a ""quoted""\r\n\r\nname",2\n3,"a"b,3\n4,5" pipe,4\n5,x\n'
    )
    contents = contents_of(text)
    assert contents.malformed == ()
    # The blank line within the text is none.
    assert contents.blank_runs == (BlankRun(lines_before=3, line_count=1),)


def test_a_stray_quote_in_a_table_without_long_texts_harms_its_own_line() -> None:
    lines = lines_of(50)
    lines[9] = '10,"Name 10,10\n'
    contents = contents_of(HEADER + "".join(lines), NUMBERS)
    assert (contents.is_multi_line, contents.malformed) == (False, ())


def test_a_table_without_long_texts_is_read_whole_if_it_has_some_after_all() -> None:
    lines = lines_of(50)
    lines[9] = '10,"Name\n10",10\n'
    lines[20] = "20,too few\n"
    contents = contents_of(HEADER + "".join(lines), NUMBERS)
    assert contents.is_multi_line
    assert contents.malformed == ()
    assert contents.warnings[-1].startswith("a.csv has texts with line ends")


def test_more_blank_lines_than_are_kept_are_a_warning() -> None:
    contents = contents_of(HEADER + "\n".join(lines_of(2000)), NUMBERS)
    assert contents.blank_runs is None
    assert contents.warnings == (
        "a.csv has so many blank lines that its rejects have no line numbers",
    )


_fields = st.text(st.sampled_from('ab",\n\r é'), max_size=6)


@given(st.lists(st.tuples(_fields, _fields, _fields), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_a_writer_of_csv_has_written_is_whole(
    rows: Sequence[tuple[str, str, str]], line_end: str
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([("KEY", "NAME", "SIZE"), *rows])
    contents = contents_of(stream.getvalue())
    assert (contents.faults, contents.malformed, contents.blank_runs) == ((), (), ())


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.csv.gz"]), st.booleans())
def test_no_content_raises(content: bytes, name: str, has_header: bool) -> None:
    raw = HEADER.encode() + content if has_header else content
    for table in (TEXTS, NUMBERS):
        contents_of(gzip.compress(raw) if name.endswith(".gz") else raw, table, name)


# --- where the files lie -------------------------------------------------------------------------


def test_a_folder_with_nothing_else_is_named_as_a_whole(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"sales_20260114_{number}.csv").write_text("x")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".sales.crc").touch()
    found = [str(path) for path in sorted(tmp_path.glob("sales*"))]
    local = fsspec.filesystem("file")
    assert list(locations(found, local)) == [f"file:{tmp_path.parent}/{tmp_path.name}"]
    (rest,) = locations(found[:2], local)
    assert rest == f"file:{tmp_path}/{{sales_20260114_0.csv,sales_20260114_1.csv}}"


def test_twenty_thousand_files_make_locations_that_a_catalog_can_keep(tmp_path: Path) -> None:
    found = [f"{tmp_path}/sales_20260114_{number}.csv" for number in range(20_000)]
    (tmp_path / "another.csv").touch()
    made = list(locations(found, fsspec.filesystem("file")))
    assert max(map(len, made)) < 32_672
    assert sum(location.count("sales_") for location in made) == 20_000


def test_every_raw_table_has_an_encoding_that_is_known() -> None:
    assert {table.codec for table in RETAIL.raw_tables.values()} == {"utf-8"}


def test_a_file_that_was_not_read_has_no_columns() -> None:
    assert DataFile("sales", LOAD_DATE, "a.csv", 1).columns == ()
