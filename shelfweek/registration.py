"""What a run begins with: its files and their faults beside the lake, and the request to dbt."""

from __future__ import annotations

import io
import itertools
import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from shelfweek.domain import Domain, RawTable
from shelfweek.file_beginning import unpacked
from shelfweek.landing import DataFile, Landing, Night

MAX_LOCATION_LENGTH = 30_000
"""Derby keeps the location of a table in 32,672 characters."""


def register_files(
    nights: Sequence[Night], landing: Landing, *, run_id: str, lake_uri: str
) -> dict[str, Any]:
    """Write what is known of a run's files beside the lake's tables.

    These are lists of any length, so they go into files and not into statements: the files
    themselves, and the records that Spark would read wrongly. Spark reads copies without them, and
    copies of files that have a checksum beside them.

    Returns:
        The part of the argument of the dbt operation `register_run` that tells where they lie.
    """
    file_system, root = fsspec.core.url_to_fs(lake_uri)
    raw = posixpath.join(landing.domain.folder_in(root), "raw")
    files = [file for night in nights for file in night.files]
    _write_lines(
        file_system, f"{raw}/run_files/{run_id}", ({"run_id": run_id, **_told(f)} for f in files)
    )
    malformed = [file for file in files if file.contents.malformed]
    copied = [f for f in files if f.contents.malformed or _has_checksum(f, landing.file_system)]
    if malformed:
        _write_lines(
            file_system,
            f"{raw}/malformed_records/{run_id}",
            (
                {"raw_table": file.table, "file_name": file.name, **asdict(record)}
                for file in malformed
                for record in file.contents.malformed
            ),
        )
    mended = {file.path: f"{raw}/mended_files/{run_id}/{file.table}/{file.name}" for file in copied}
    for file in copied:
        _write_mended(file, landing, file_system, mended[file.path])
    return {
        "malformed_tables": sorted({file.table for file in malformed}),
        "sources": [
            *_sources((f for f in files if f.path not in mended), landing),
            *_sources_of_copies(copied, mended, file_system, landing.domain),
        ],
    }


def register_no_files(domain: Domain, *, run_id: str, lake_uri: str) -> dict[str, Any]:
    """As register_files, for a run of a domain without files."""
    file_system, root = fsspec.core.url_to_fs(lake_uri)
    home = domain.folder_in(root)
    _write_lines(file_system, posixpath.join(home, "raw", "run_files", run_id), ())
    return {"malformed_tables": [], "sources": []}


def _has_checksum(file: DataFile, file_system: AbstractFileSystem) -> bool:
    """Whether Hadoop would compare a local file with a checksum beside it.

    As a rule the checksum is that of another version of the file; a copy has none.
    """
    if not isinstance(file_system, LocalFileSystem):
        return False
    folder, name = posixpath.split(file.path)
    is_there: bool = file_system.exists(f"{folder}/.{name}.crc")
    return is_there


def _told(file: DataFile) -> dict[str, Any]:
    """A file as a row of run_files."""
    runs = file.contents.blank_runs
    return {
        "raw_table": file.table,
        "load_date": file.load_date.isoformat(),
        "file_name": file.name,
        "row_count": file.row_count,
        "first_business_date": file.first_business_date and str(file.first_business_date),
        "last_business_date": file.last_business_date and str(file.last_business_date),
        "blank_runs": None if runs is None else [asdict(run) for run in runs],
    }


def _write_lines(
    file_system: AbstractFileSystem, folder: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Write rows as lines of JSON; a folder without rows holds an empty file."""
    file_system.makedirs(folder, exist_ok=True)
    with file_system.open(f"{folder}/rows.json", "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row) + "\n")


def _write_mended(
    file: DataFile, landing: Landing, file_system: AbstractFileSystem, copy: str
) -> None:
    """Copy a file with blank lines, which Spark skips, in place of its malformed records."""
    gone = {
        number
        for record in file.contents.malformed
        for number in range(record.line_number, record.line_number + record.line_count)
    }
    file_system.makedirs(posixpath.dirname(copy), exist_ok=True)
    encoding = landing.domain.raw_tables[file.table].encoding
    with landing.file_system.open(file.path, "rb") as raw, file_system.open(copy, "wb") as out:
        source = io.TextIOWrapper(unpacked(raw, file.name), encoding, newline="\n")
        target = io.TextIOWrapper(unpacked(out, file.name, "wb"), encoding, newline="\n")
        with target:
            for number, line in enumerate(source, start=1):
                target.write("\n" if number in gone else line)


def _sources(files: Iterable[DataFile], landing: Landing) -> Iterator[dict[str, Any]]:
    """The CSV tables to be made over some files: each has files of one table and one shape."""
    groups: dict[tuple[str, tuple[str, ...], bool], list[DataFile]] = defaultdict(list)
    for file in files:
        groups[file.table, file.columns, file.contents.is_multi_line].append(file)
    for (table, columns, is_multi_line), group in groups.items():
        paths = [file.path for file in group]
        for location in locations(paths, landing.file_system):
            yield _source(landing.domain.raw_tables[table], columns, is_multi_line, location)


def _sources_of_copies(
    files: Iterable[DataFile],
    copies: Mapping[str, str],
    file_system: AbstractFileSystem,
    domain: Domain,
) -> Iterator[dict[str, Any]]:
    """The same over copies of files."""
    for file in files:
        location = _escaped(uri_of(file_system, copies[file.path]))
        table = domain.raw_tables[file.table]
        yield _source(table, file.columns, file.contents.is_multi_line, location)


def _source(
    table: RawTable, columns: Sequence[str], is_multi_line: bool, location: str
) -> dict[str, Any]:
    return {
        "raw_table": table.name,
        "columns": [name if name in table.columns else None for name in columns],
        "is_multi_line": is_multi_line,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "location": location,
    }


def locations(paths: Iterable[str], file_system: AbstractFileSystem) -> Iterator[str]:
    """Paths or Hadoop globs that together match exactly these files, none of them too long.

    A folder that holds nothing else is named as a whole, however many files lie in it.
    """
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_folder[posixpath.dirname(path)].append(path)
    wanted: list[str] = []
    for folder, found in by_folder.items():
        visible = {
            entry.rstrip("/")
            for entry in file_system.ls(folder, detail=False)
            if not posixpath.basename(entry.rstrip("/")).startswith(("_", "."))
        }
        wanted += [folder] if visible == set(found) else found
    for chunk in _chunks(wanted):
        yield _glob_over([uri_of(file_system, path) for path in chunk])


def _chunks(paths: Sequence[str]) -> Iterator[list[str]]:
    """Paths in groups that make no glob longer than a location may be."""
    root = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    ends = itertools.accumulate(len(_escaped(posixpath.relpath(path, root))) + 1 for path in paths)
    numbered = zip((end // MAX_LOCATION_LENGTH for end in ends), paths, strict=True)
    for _, group in itertools.groupby(numbered, key=lambda pair: pair[0]):
        yield [path for _, path in group]


def uri_of(file_system: AbstractFileSystem, path: str) -> str:
    """Return the path as Hadoop names it."""
    name: str = file_system.unstrip_protocol(path)
    return name.replace("file://", "file:", 1)


def _glob_over(uris: Sequence[str]) -> str:
    """Return one Hadoop glob that matches exactly these paths, which share a root folder."""
    # A path's functions would take the two slashes of s3:// for one.
    scheme, slashes, _ = uris[0].rpartition("://")
    paths = [uri.removeprefix(scheme + slashes) for uri in uris]
    root = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    names = [_escaped(posixpath.relpath(path, root)) for path in paths]
    files = names[0] if len(names) == 1 else "{" + ",".join(names) + "}"
    return f"{scheme}{slashes}{_escaped(root)}/{files}"


def _escaped(path: str) -> str:
    return re.sub(r"([\\{}\[\]*?,^])", r"\\\1", path)
