"""What is inside a file of a dump, looked at once before Spark reads it.

Spark reads what it can and says little about the rest: it takes a torn file for a whole one, text
of another encoding for text, and a quote that nobody closes for a very long text. So each file is
read here from its first line to its last, and told apart: what refuses the night, what a person
should know, and where the records lie that Spark would read wrongly.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, TextIO

from shelfweek.domain import RawTable
from shelfweek.file_beginning import HEAD_BYTES, beginning_fault, header_fault, unpacked

MAX_LINES_OF_A_TEXT = 100
"""Lines of one text in a table that has no long texts; what goes on longer is a stray quote."""

MAX_BLANK_RUNS = 1000
"""Runs of blank lines that are kept for one file; with more, rejects have no line number."""

# One text may be as large as the file: a quote that is never closed.
csv.field_size_limit(1 << 40)


class Refusal(StrEnum):
    """Why a file refuses its night."""

    UNREADABLE = "{file} cannot be read: {reason}"
    TORN_GZIP = "{file} is torn or damaged inside its compressed data: copy it again"
    TORN = (
        "{file} ends in the middle of line {line}, which has the wrong number of fields and no "
        "line end: copy it again"
    )
    UNDECODABLE = (
        "{file} is not {encoding}: byte 0x{byte:02X} in line {line} (byte {position} of the text); "
        "{remedy}"
    )
    TWICE = "{file} of table {table} has {columns} twice"


class Notice(StrEnum):
    """What a person should know of a file that is loaded nevertheless."""

    NO_LINE_END = "{file} ends without a line end; its last line is whole and was loaded"
    EXTRA_COLUMNS = "{file}: extra columns ignored: {columns}"
    READ_WHOLE = "{file} has texts with line ends and was read in one piece, which takes longer"
    MANY_BLANK_LINES = "{file} has so many blank lines that its rejects have no line numbers"


@dataclass(frozen=True)
class BlankRun:
    """Blank lines that follow each other: how many, and how many other lines stand above them."""

    lines_before: int
    line_count: int


@dataclass(frozen=True)
class MalformedRecord:
    """A record over several lines that is none: as a rule a quote that was not closed.

    Attributes:
        line_number: where it begins, 1 being the header.
        line_count: number of lines that it takes.
    """

    line_number: int
    line_count: int
    text: str


@dataclass(frozen=True)
class Contents:
    """What was found in a file.

    Attributes:
        columns: its header, lower case, in the file's order; empty where there is none.
        is_multi_line: whether texts hold line ends, so that the file must be read in one piece.
        blank_runs: its blank lines; a malformed record counts as that many of them. None: too many.
        malformed: the records that Spark must not see, in the file's order.
    """

    columns: tuple[str, ...] = ()
    is_multi_line: bool = False
    blank_runs: tuple[BlankRun, ...] | None = ()
    malformed: tuple[MalformedRecord, ...] = ()
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


NOT_READ = Contents()
"""What is known of a file before it is read."""


def read_contents(open_file: Callable[[], BinaryIO], file: str, table: RawTable) -> Contents:
    """Read a file from its first line to its last.

    open_file: opens it, as it lies there; called up to three times. file: its name for messages.
    Faults of the file are part of the answer; none is raised.
    """
    try:
        return _read(open_file, file, table)
    except UnicodeDecodeError:
        return Contents(faults=(_decoding_fault(open_file, file, table),))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return Contents(faults=(Refusal.TORN_GZIP.format(file=file),))
    except OSError as error:
        reason = error.strerror or str(error)
        return Contents(faults=(Refusal.UNREADABLE.format(file=file, reason=reason.lower()),))


def _read(open_file: Callable[[], BinaryIO], file: str, table: RawTable) -> Contents:
    with open_file() as raw:
        head = raw.read(HEAD_BYTES)
    if fault := beginning_fault(head, file, table):
        return Contents(faults=(fault,))
    with _text(open_file, file, table) as text:
        first = _first_lines(text)
    fields = next(csv.reader(first, delimiter=table.delimiter), [])
    columns = tuple(name.strip().strip("\ufeff").lower() for name in fields)
    if fault := header_fault(first, columns, file, table):
        return Contents(columns, faults=(fault,))
    named = [name for name in columns if name in table.columns]
    twice = sorted({name.upper() for name in named if named.count(name) > 1})
    if twice:
        told = Refusal.TWICE.format(file=file, table=table.name, columns=", ".join(twice))
        return Contents(columns, faults=(told,))
    extra = [name.upper() or "(without a name)" for name in columns if name not in table.columns]
    shape = _shape(open_file, file, table, len(columns))
    return Contents(
        columns=columns,
        is_multi_line=shape.is_multi_line,
        blank_runs=tuple(shape.blank_runs) if len(shape.blank_runs) <= MAX_BLANK_RUNS else None,
        malformed=tuple(shape.malformed),
        faults=shape.faults(file),
        warnings=shape.warnings(file, table, extra),
    )


def _first_lines(text: TextIO) -> list[str]:
    """The lines within which a header should stand."""
    lines = []
    for line in text:
        lines.append(line)
        if len(lines) == 10:
            break
    return lines


@dataclass
class _Shape:
    """How a file's lines make records, gathered while they are read.

    Attributes:
        misfit_lines: lines of records with another number of fields than the header.
        has_open_quotes: whether a line has a quote that it does not close.
        lines_before: lines so far that are not blank, the header among them.
        torn_line: where the last record begins, if it is cut off.
    """

    is_multi_line: bool = False
    blank_runs: list[BlankRun] = field(default_factory=list)
    malformed: list[MalformedRecord] = field(default_factory=list)
    misfit_lines: int = 0
    has_open_quotes: bool = False
    has_last_line_end: bool = True
    torn_line: int | None = None
    lines_before: int = 0

    def add_blank(self, line_count: int = 1) -> None:
        """Note blank lines."""
        if self.blank_runs and self.blank_runs[-1].lines_before == self.lines_before:
            line_count += self.blank_runs.pop().line_count
        # One more than is kept tells that there are too many.
        if len(self.blank_runs) <= MAX_BLANK_RUNS:
            self.blank_runs.append(BlankRun(self.lines_before, line_count))

    def faults(self, file: str) -> tuple[str, ...]:
        """What refuses the night."""
        if self.torn_line is None:
            return ()
        return (Refusal.TORN.format(file=file, line=self.torn_line),)

    def warnings(self, file: str, table: RawTable, extra: list[str]) -> tuple[str, ...]:
        """What a person should know."""
        told = []
        if extra:
            told.append(Notice.EXTRA_COLUMNS.format(file=file, columns=", ".join(extra)))
        if not self.has_last_line_end and self.torn_line is None:
            told.append(Notice.NO_LINE_END.format(file=file))
        if self.is_multi_line and not table.is_multi_line:
            told.append(Notice.READ_WHOLE.format(file=file))
        if len(self.blank_runs) > MAX_BLANK_RUNS:
            told.append(Notice.MANY_BLANK_LINES.format(file=file))
        return tuple(told)


def _shape(open_file: Callable[[], BinaryIO], file: str, table: RawTable, width: int) -> _Shape:
    """Read the file in the way in which most of it makes sense.

    Where a table's texts hold no line ends, each line stands for itself, and a stray quote harms
    one row. A file of such a table is read record by record only if more of its lines fit then.
    """
    if table.is_multi_line:
        with _text(open_file, file, table, newline="\n") as text:
            return _shape_of_records(text, width, table.delimiter, max_lines=None)
    with _text(open_file, file, table) as text:
        by_line = _shape_of_lines(text, width, table.delimiter)
    if not by_line.has_open_quotes:
        return by_line
    with _text(open_file, file, table, newline="\n") as text:
        by_record = _shape_of_records(text, width, table.delimiter, max_lines=MAX_LINES_OF_A_TEXT)
    return by_record if by_record.misfit_lines < by_line.misfit_lines else by_line


def _shape_of_lines(text: TextIO, width: int, delimiter: str) -> _Shape:
    """Each line stands for itself."""
    shape = _Shape()
    line, number = "", 0
    for line in text:
        number += 1
        if line.isspace():
            shape.add_blank()
            continue
        shape.lines_before += 1
        if '"' in line and line.count('"') % 2:
            shape.has_open_quotes = True
            shape.misfit_lines += _width_of(line, delimiter) != width
    shape.has_last_line_end = line.endswith(("\n", "\r"))
    if not shape.has_last_line_end and line.strip() and _width_of(line, delimiter) != width:
        shape.torn_line = number
    return shape


def _width_of(line: str, delimiter: str) -> int:
    """The number of fields of a line by itself; 0 where a quote is not closed."""
    try:
        return len(next(csv.reader([line], delimiter=delimiter, strict=True), []))
    except csv.Error:
        return 0


def _shape_of_records(text: TextIO, width: int, delimiter: str, max_lines: int | None) -> _Shape:
    """A record goes on over line ends within quotes."""
    shape = _Shape(is_multi_line=True)
    lines = _Lines(text, max_lines)
    is_fitting, line_number = True, 1
    for fields in _records(lines, delimiter):
        taken = lines.taken
        if len(taken) == 1 and taken[0].isspace():
            shape.add_blank()
            continue
        is_fitting = fields is not None and len(fields) == width
        line_number = lines.count - len(taken) + 1
        if is_fitting or len(taken) == 1:
            # Spark judges a misfit of one line: it may find sense in a quote within a text.
            shape.lines_before += len(taken)
            shape.misfit_lines += not is_fitting
        else:
            shape.misfit_lines += len(taken)
            record = "".join(taken).rstrip("\r\n")
            shape.malformed.append(MalformedRecord(line_number, len(taken), record))
            shape.add_blank(len(taken))
    shape.has_last_line_end = not lines.last or lines.last.endswith(("\n", "\r"))
    if not shape.has_last_line_end and not is_fitting:
        shape.torn_line = line_number
    return shape


@dataclass
class _Lines:
    """The lines of a text one by one, remembering those of the record that is being read."""

    text: TextIO
    max_lines: int | None
    taken: list[str] = field(default_factory=list)
    count: int = 0
    last: str = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.max_lines and len(self.taken) >= self.max_lines:
            raise csv.Error("a text over too many lines")
        self.last = next(self.text)
        self.count += 1
        self.taken.append(self.last)
        return self.last


def _records(lines: _Lines, delimiter: str) -> Iterator[list[str] | None]:
    """The fields of each record; None where quotes are not closed or stand within a text."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken = []
        try:
            yield next(reader)
        except csv.Error:
            yield None
        except StopIteration:
            return


def _text(
    open_file: Callable[[], BinaryIO], file: str, table: RawTable, newline: str = ""
) -> TextIO:
    """The file as text, its line ends untouched; `newline` as for `open`."""
    encoding = "utf-8-sig" if table.codec == "utf-8" else table.codec
    return io.TextIOWrapper(unpacked(open_file(), file), encoding=encoding, newline=newline)


def _decoding_fault(open_file: Callable[[], BinaryIO], file: str, table: RawTable) -> str:
    """Say where a file is not text of its encoding, and which encoding would fit."""
    if table.codec.startswith(("utf-16", "utf-32")):
        return Refusal.UNREADABLE.format(file=file, reason=f"it is not {table.encoding}")
    with unpacked(open_file(), file) as stream:
        position = 0
        for number, line in enumerate(stream, start=1):
            try:
                line.decode(table.codec)
            except UnicodeDecodeError as error:
                return Refusal.UNDECODABLE.format(
                    file=file,
                    encoding=table.encoding,
                    byte=line[error.start],
                    line=number,
                    position=position + error.start + 1,
                    remedy=_remedy(line, error, table),
                )
            position += len(line)
    return Refusal.UNREADABLE.format(file=file, reason=f"it is not {table.encoding}")


def _remedy(line: bytes, error: UnicodeDecodeError, table: RawTable) -> str:
    """What to do about a line that does not decode."""
    if table.codec == "utf-8" and error.reason == "unexpected end of data":
        return "it ends in the middle of a character: copy it again"
    high = [byte for byte in line if byte >= 0x80]
    fitting = "ISO-8859-1" if min(high) >= 0xA0 else "windows-1252"
    return (
        f"{fitting} would fit. Save the file as {table.encoding}, or declare `encoding: "
        f"{fitting}` in the meta of table {table.name} ({table.declared_in})"
    )
