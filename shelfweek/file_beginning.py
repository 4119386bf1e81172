"""What the first bytes and lines of a file say about it where it is no CSV file as expected."""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Sequence
from enum import StrEnum
from typing import BinaryIO, Literal, cast

from shelfweek.domain import RawTable

HEAD_BYTES = 1 << 16

GZIP_MAGIC = b"\x1f\x8b"

_FORMATS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"BZh": "compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xfd7zXZ": "compressed with xz",
    b"PAR1": "a Parquet file",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}

_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class Refusal(StrEnum):
    """Why a file refuses its night before its second line is looked at."""

    EMPTY = "{file} of table {table} is empty: not even a header line"
    HIDDEN_GZIP = "{file} is gzip under a plain name: call it {file}.gz"
    NO_GZIP = "{file} is no gzip file: take .gz off its name, or compress it"
    OTHER_FORMAT = "{file} is {format}, CSV is expected"
    OTHER_ENCODING = (
        "{file} is {found}, {expected} is expected: save it as {expected}, or declare `encoding: "
        "{found}` in the meta of table {table} ({declared_in})"
    )
    SEP_LINE = "{file} begins with {line!r}, a line for Excel: the header must be the first line"
    BLANK_LINE = "{file} begins with a blank line: the header must be the first line"
    DELIMITER = "{file} of table {table} is separated by {found}, {expected} are expected"
    TITLE = "{file} begins with {line!r}: the header is line {number}, it must be the first line"
    NO_HEADER = "{file} of table {table} begins with data, not with a header line: {line!r}"
    LACKS = "{file} of table {table} lacks columns {columns}"


def is_gzip(file: str) -> bool:
    """Whether a file is compressed, by its name."""
    return file.endswith(".gz")


def unpacked(raw: BinaryIO, file: str, mode: Literal["rb", "wb"] = "rb") -> BinaryIO:
    """The content of a file, to be read or written, which is compressed if its name says so."""
    return cast(BinaryIO, gzip.open(raw, mode)) if is_gzip(file) else raw


def beginning_fault(head: bytes, file: str, table: RawTable) -> str | None:
    """Say why a file that begins with these bytes is none of the table's; None if it may be one."""
    if is_gzip(file) and head:
        if not head.startswith(GZIP_MAGIC):
            return Refusal.NO_GZIP.format(file=file)
        unpacking = zlib.decompressobj(wbits=31)
        head = unpacking.decompress(head, HEAD_BYTES)
        if not head and not unpacking.eof:
            return None  # torn, as reading it will tell
    elif head.startswith(GZIP_MAGIC):
        return Refusal.HIDDEN_GZIP.format(file=file)
    if not head:
        return Refusal.EMPTY.format(file=file, table=table.name)
    for magic, name in _FORMATS.items():
        if head.startswith(magic):
            return Refusal.OTHER_FORMAT.format(file=file, format=name)
    if (found := _wide_encoding(head)) and not table.codec.startswith(("utf-16", "utf-32")):
        return Refusal.OTHER_ENCODING.format(
            file=file,
            table=table.name,
            found=found,
            expected=table.encoding,
            declared_in=table.declared_in,
        )
    return None


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 where a file is that, with a byte-order mark or without."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    zeros = head.count(0) / len(head)
    if zeros < 0.25:
        return None
    return "UTF-16" if zeros < 0.6 else "UTF-32"


def header_fault(
    lines: Sequence[str], columns: Sequence[str], file: str, table: RawTable
) -> str | None:
    """Say what stands in the place of the header; None if all of the table's columns do.

    lines: the first lines of the file. columns: the fields of the first one, lower case.
    """
    missing = [name.upper() for name in table.columns if name not in columns]
    first = lines[0].strip("\ufeff\r\n") if lines else ""
    shown = first[:60]
    if not missing:
        return None
    if not first.strip():
        return Refusal.BLANK_LINE.format(file=file)
    if first.strip('"').lower().startswith("sep="):
        return Refusal.SEP_LINE.format(file=file, line=shown)
    if first.lstrip().startswith(("<", "{", "[")):
        return Refusal.OTHER_FORMAT.format(file=file, format="a page or a JSON document")
    for sign, name in _DELIMITERS.items():
        is_other = sign != table.delimiter and len(_names(first, sign)) > 1
        if is_other and 2 * len(set(table.columns) & set(_names(first, sign))) > len(table.columns):
            expected = _DELIMITERS.get(table.delimiter, repr(table.delimiter))
            return Refusal.DELIMITER.format(
                file=file, table=table.name, found=name, expected=expected
            )
    for number, line in enumerate(lines[1:], start=2):
        if not set(table.columns) - set(_names(line, table.delimiter)):
            return Refusal.TITLE.format(file=file, line=shown, number=number)
    if len(missing) == len(table.columns) and any(
        _is_value(text) for text in _names(first, table.delimiter)
    ):
        return Refusal.NO_HEADER.format(file=file, table=table.name, line=shown)
    return Refusal.LACKS.format(file=file, table=table.name, columns=", ".join(missing))


def _names(line: str, delimiter: str) -> list[str]:
    fields = next(csv.reader([line], delimiter=delimiter), [])
    return [text.strip().lower() for text in fields]


def _is_value(text: str) -> bool:
    """Whether a field is a number or a date, which no column is called."""
    return text.replace("-", "").replace(".", "").isdecimal()
