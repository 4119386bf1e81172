"""File formats and stages on S3; COPY INTO in both directions, and REMOVE."""

from __future__ import annotations

import contextlib
import functools
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
import duckdb
from botocore.exceptions import BotoCoreError, ClientError

from . import statements
from .session import Session
from .statements import Result, bracketed, full_name, options_of, pattern, refused

_NAME = r"(?P<name>[\w.]+)"
_STAGE = r"'?@(?P<stage>[\w.]+)/(?P<path>[^'\s]*)'?"
CREATE_FORMAT = pattern(rf"create\s+or\s+replace\s+file\s+format\s+{_NAME}\s+(?P<options>.*)")
CREATE_STAGE = pattern(rf"create\s+or\s+replace\s+stage\s+{_NAME}\s+(?P<options>.*)")
COPY_OUT = pattern(rf"copy\s+into\s+{_STAGE}\s+from\s+(?P<rest>\(.*)")
COPY_IN = pattern(rf"copy\s+into\s+{_NAME}\s+from\s+{_STAGE}(?P<options>.*)")
REMOVE = pattern(rf"remove\s+{_STAGE}")
LIST = pattern(rf"list\s+{_STAGE}")

# What COPY understands here. Anything else is refused, so that no option goes unnoticed.
_OUT_OPTIONS = {
    *("file_format", "header", "single", "overwrite", "max_file_size", "detailed_output")
}
_DEFAULT_MAX_FILE_SIZE = 16 * 1024**2
# The only way of writing CSV that the stand-in knows, and the only one of reading it.
_CSV_OUT = {
    "type": "csv",
    "compression": "none",
    "field_delimiter": ",",
    "record_delimiter": "\n",
    "field_optionally_enclosed_by": '"',
    "escape": "none",
    "escape_unenclosed_field": "none",
    "null_if": [],
    "empty_field_as_null": "false",
    "date_format": "YYYY-MM-DD",
}
_CSV_IN = {
    "type": "csv",
    "compression": "auto",
    "field_delimiter": ",",
    "skip_header": 1,
    "field_optionally_enclosed_by": '"',
    "escape": "none",
    "escape_unenclosed_field": "none",
    "null_if": [],
    "empty_field_as_null": "true",
    "error_on_column_count_mismatch": "true",
    "date_format": "YYYY-MM-DD",
}
_JSON_OUT = {"type": "json", "compression": "none"}


@dataclass(frozen=True)
class Stage:
    """A folder of a bucket, and how files in it are written or read unless a COPY says so."""

    url: str
    file_format: dict[str, Any]


@dataclass
class Stages:
    """The account's file formats and stages, and the storage integrations that they need."""

    formats: dict[str, dict[str, Any]] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)
    # Locations that each storage integration allows.
    allowed: dict[str, list[str]] = field(default_factory=dict)

    def create_format(self, session: Session, match: re.Match[str]) -> Result:
        """CREATE FILE FORMAT."""
        options = options_of(match["options"])
        options.pop("comment", None)
        self.formats[_full(session, match["name"])] = options
        return statements.done(f"File format {match['name'].upper()} successfully created.")

    def create_stage(self, session: Session, match: re.Match[str]) -> Result:
        """CREATE STAGE: its address must be one that its integration allows."""
        options = options_of(match["options"])
        allowed = self.allowed.get(options["storage_integration"].upper(), [])
        if not any(options["url"].startswith(location) for location in allowed):
            raise refused(f"Location '{options['url']}' is not allowed by the integration.")
        self.stages[_full(session, match["name"])] = Stage(
            options["url"], self._format(session, options.get("file_format", {}))
        )
        return statements.done(f"Stage area {match['name'].upper()} successfully created.")

    def remove(self, session: Session, match: re.Match[str]) -> Result:
        """REMOVE: every file whose path begins so."""
        bucket, prefix = self._location(session, match)
        keys = _keys(bucket, prefix)
        with _s3() as s3:
            for key in keys:
                s3.delete_object(Bucket=bucket, Key=key)
        return Result(("name", "result"), tuple((key, "removed") for key in keys))

    def list_files(self, session: Session, match: re.Match[str]) -> Result:
        """LIST: every file whose path begins so, with its whole address."""
        bucket, prefix = self._location(session, match)
        columns = ("name", "size", "md5", "last_modified")
        with _s3() as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            items = [item for page in pages for item in page.get("Contents", [])]
        return Result(
            columns,
            tuple(
                (
                    f"s3://{bucket}/{item['Key']}",
                    item["Size"],
                    item["ETag"].strip('"'),
                    f"{item['LastModified']:%a, %d %b %Y %H:%M:%S GMT}",
                )
                for item in items
            ),
        )

    def copy_out(self, session: Session, match: re.Match[str]) -> Result:
        """COPY INTO a stage from a query: one file, or as many as MAX_FILE_SIZE asks for."""
        query, rest = bracketed(match["rest"])
        options = options_of(rest)
        if unknown := options.keys() - _OUT_OPTIONS:
            raise refused(f"the stand-in has no COPY option {', '.join(sorted(unknown))}")
        file_format = {
            **self._stage(session, match["stage"]).file_format,
            **self._format(session, options.get("file_format", {})),
        }
        bucket, key = self._location(session, match)
        cursor = session.cursor()
        cursor.execute(query)
        names = [column.name for column in cursor.description]
        rows = cursor.fetchall()
        if options.get("file_format", {}).get("type") == "json":
            _require(options["file_format"], _JSON_OUT)
            lines = [f"{document}\n".encode() for (document,) in rows]
            header = b""
        else:
            _require(file_format, _CSV_OUT)
            lines = [_csv_line(row) for row in rows]
            header = _csv_line(names) if options.get("header") == "true" else b""
        if options.get("single") == "true":
            files = [(key, header + b"".join(lines), len(lines))]
        else:
            largest = options.get("max_file_size", _DEFAULT_MAX_FILE_SIZE)
            files = [
                (f"{key}_0_{number}_0.csv", header + b"".join(part), len(part))
                for number, part in enumerate(_parts(lines, largest - len(header)))
            ]
        if options.get("overwrite") != "true" and _keys(bucket, key):
            raise refused(
                f"Files already existing at the unload destination: {key}.", statements.EXISTS
            )
        for name, content, _ in files:
            with _s3() as s3:
                s3.put_object(Bucket=bucket, Key=name, Body=content)
        if options.get("detailed_output") == "true":
            columns = ("FILE_NAME", "FILE_SIZE", "ROW_COUNT")
            described = ((name.rsplit("/", 1)[-1], len(body), n) for name, body, n in files)
            return Result(columns, tuple(described))
        size = sum(len(content) for _, content, _ in files)
        return Result(("rows_unloaded", "input_bytes", "output_bytes"), ((len(rows), size, size),))

    def copy_in(self, session: Session, match: re.Match[str]) -> Result:
        """COPY INTO a table from all files under a path of a stage."""
        if options_of(match["options"]) != {"force": "true"}:
            raise refused("the stand-in keeps no load history: it loads with FORCE = TRUE only")
        _require(self._stage(session, match["stage"]).file_format, _CSV_IN)
        bucket, prefix = self._location(session, match)
        table = _full(session, match["name"])
        columns = _columns(session, table)
        loaded = []
        for key in _keys(bucket, prefix):
            with _s3() as s3:
                content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            count = _insert(session, table, columns, content, key)
            loaded.append((f"s3://{bucket}/{key}", "LOADED", count, count))
        if not loaded:
            return statements.done("Copy executed with 0 files processed.")
        return Result(("file", "status", "rows_parsed", "rows_loaded"), tuple(loaded))

    def _stage(self, session: Session, name: str) -> Stage:
        full = _full(session, name)
        if full not in self.stages:
            raise refused(f"Stage '{full}' does not exist or not authorized.", statements.NOT_FOUND)
        return self.stages[full]

    def _format(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        if "format_name" not in options:
            return options
        full = _full(session, options["format_name"])
        if full not in self.formats:
            raise refused(
                f"File format '{full}' does not exist or not authorized.", statements.NOT_FOUND
            )
        return self.formats[full]

    def _location(self, session: Session, match: re.Match[str]) -> tuple[str, str]:
        """Bucket and key of a path in a stage."""
        address = urlparse(self._stage(session, match["stage"]).url)
        return address.netloc, address.path.lstrip("/") + match["path"]


def _full(session: Session, name: str) -> str:
    return full_name(name, session.database, session.schema)


def _require(options: dict[str, Any], known: dict[str, Any]) -> None:
    if options != known:
        differing = sorted(
            name for name in options.keys() | known.keys() if options.get(name) != known.get(name)
        )
        raise refused(f"the stand-in has no such file format: {', '.join(differing)}")


@contextlib.contextmanager
def _s3() -> Iterator[Any]:
    """A client whose errors are those of a statement."""
    try:
        yield _client()
    except (ClientError, BotoCoreError) as error:
        raise refused(f"Failure using stage area. Cause: [{error}]", statements.REMOTE) from error


@functools.cache
def _client() -> Any:
    return boto3.client("s3")


def _keys(bucket: str, prefix: str) -> list[str]:
    """The keys of all objects under a prefix."""
    with _s3() as s3:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _csv_line(values: Sequence[Any]) -> bytes:
    return (",".join(_csv_field(value) for value in values) + "\n").encode()


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (int, date)) and not isinstance(value, bool):
        return str(value)
    raise refused(f"the stand-in cannot unload a {type(value).__name__}")


def _parts(lines: list[bytes], largest: int) -> Iterator[list[bytes]]:
    """Cut lines into files of at most so many bytes; a line that is larger is a file of its own."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and size + len(line) > largest:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part


def _columns(session: Session, table: str) -> list[str]:
    names = session.duck.execute(
        "select column_name from duckdb_columns() where database_name || '.' || schema_name || '.' "
        "|| table_name = ? order by column_index",
        [table],
    ).fetchall()
    if not names:
        raise refused(f"Table '{table}' does not exist or not authorized.", statements.NOT_FOUND)
    return [name for (name,) in names]


def _insert(session: Session, table: str, columns: list[str], content: bytes, key: str) -> int:
    """Load one CSV file, in which a quoted empty field is an empty string, and return its rows."""
    text = ", ".join(f"'{name}': 'varchar'" for name in columns)
    with tempfile.TemporaryDirectory(prefix="shelfweek-load-") as folder:
        path = Path(folder) / Path(key).name
        path.write_bytes(content)
        try:
            [[count]] = session.duck.execute(
                f"insert into {table} select * from read_csv(?, columns = {{{text}}}, "
                "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
                "nullstr = '', allow_quoted_nulls = false, parallel = false)",
                [str(path)],
            ).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise refused(f"{key} cannot be loaded: {reason}", statements.BAD_DATA) from error
    return int(count)
