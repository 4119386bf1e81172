"""The state of a lake: which nights it holds, how to go back, what may be deleted."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

import fsspec

from shelfweek.domain import Domain
from shelfweek.engine import Engine, EngineError, Row, Session
from shelfweek.landing import Landing, Night

_SLICE = "run_id="
"""How the folders begin in which runs leave rows for later ones."""


class LakeError(Exception):
    """What was asked of a lake cannot be done; the message says why."""


def loaded_nights(engine: Engine, domain: Domain) -> list[date]:
    """Return the load dates that the lake holds of a domain, oldest first; none for a new lake."""
    marts = engine.schema(domain.name, "marts")
    with engine.session() as session:
        if not session.query(f"show schemas like '{marts}'"):
            return []
        if not session.query(f"show tables in {marts} like 'load_row_counts'"):
            return []
        table = engine.marts(domain.name, "load_row_counts")
        rows = session.query(f"select distinct load_date from {table} order by load_date")
    return [_date(row["load_date"]) for row in rows]


def expect_registered(engine: Engine, domain: Domain, run_id: str) -> None:
    """Make sure that the domain's tables of one run alone are those of this run, not published yet.

    Raises:
        LakeError: building a model now would mix two runs.
    """
    with engine.session() as session:
        requests = f"{engine.schema(domain.name, 'raw')}.run_requests"
        (registered,) = session.query(f"select run_id from {requests}")
        published = session.query(
            f"select 1 from {engine.marts(domain.name, 'runs')} "
            f"where run_id = {_literal(run_id)} limit 1"
        )
    if registered["run_id"] != run_id:
        raise LakeError(
            f"run {registered['run_id']} was registered after {run_id}: clear the whole night, not "
            "single tasks of it"
        )
    if published:
        raise LakeError(f"run {run_id} is published: to load its night again, clear all its tasks")


def rollback(engine: Engine, domain: Domain, before: date | str) -> list[Row]:
    """Put every published table of a domain back to how it was before a run.

    That run and all after it are forgotten: the next one loads their nights again. Only pointers
    change; nothing is copied or deleted.

    before: the load date of a night, for the first run that has loaded it; or the id of a run.

    Returns:
        One row per undone run: run_number, run_id, last_load_date.

    Raises:
        LakeError: there was no such run, or its old folders are swept already.
    """
    with engine.session() as session:
        runs = session.query(f"select * from {engine.marts(domain.name, 'runs')}")
        first = _first_run(runs, before)
        undone = sorted(
            (row for row in runs if row["run_number"] >= first), key=lambda r: r["run_number"]
        )
        first_changes: dict[tuple[str, str | None], Row] = {}
        for row in undone:
            first_changes.setdefault((row["table_name"], row["partition_date"]), row)
        changes = first_changes.values()
        folders = [row["previous_location"] for row in changes if row["previous_location"]]
        if not all(row["is_revertible"] for row in changes) or not _all_there(folders):
            raise LakeError(
                f"{before} lies too far back: the folders from before it have been deleted "
                "(var keep_days in dbt_project.yml)"
            )
        # Otherwise the next run would take the last one for interrupted and undo it once more.
        session.execute(
            f"drop table if exists {engine.schema(domain.name, 'intermediate')}"
            ".int_publications_planned"
        )
        # The table of runs comes last: until then the rollback can be repeated.
        for row in sorted(changes, key=lambda r: r["table_name"] == "runs"):
            _point(session, engine, domain, row)
    return list(
        {
            row["run_number"]: {
                name: row[name] for name in ("run_number", "run_id", "last_load_date")
            }
            for row in undone
        }.values()
    )


def _first_run(runs: Sequence[Row], before: date | str) -> int:
    """The number of the run that a rollback begins with; its argument `before`."""
    if isinstance(before, str):
        numbers = [row["run_number"] for row in runs if row["run_id"] == before]
        newest = _newest(row["run_id"] for row in runs)
        if not numbers:
            raise LakeError(f"there is no run {before}; the newest that were: {newest}")
        return int(min(numbers))
    numbers = [
        row["run_number"]
        for row in runs
        if _date(row["first_load_date"]) <= before <= _date(row["last_load_date"])
    ]
    newest = _newest(str(row["last_load_date"]) for row in runs)
    if not numbers:
        raise LakeError(f"no run has loaded {before}; the newest that were: {newest}")
    return int(min(numbers))


def _newest(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))[-5:])


def _point(session: Session, engine: Engine, domain: Domain, row: Row) -> None:
    """Point a table, or a partition of it, at the folder from before a run."""
    table = engine.marts(domain.name, row["table_name"])
    if row["partition_date"] is None:
        session.execute(f"alter table {table} set location {_literal(row['previous_location'])}")
        return
    column = domain.published_tables[row["table_name"]]
    partition = f"partition ({column} = date'{_date(row['partition_date'])}')"
    if row["previous_location"] is None:
        session.execute(f"alter table {table} drop if exists {partition}")
        return
    location = f"location {_literal(row['previous_location'])}"
    session.execute(f"alter table {table} add if not exists {partition} {location}")
    session.execute(f"alter table {table} {partition} set {location}")


def export(engine: Engine, domain: Domain, folder: str) -> dict[str, int]:
    """Write every published table of a domain as plain parquet, one folder each.

    Returns:
        Rows written per table.
    """
    counts = {}
    with engine.session() as session:
        for table in domain.published_tables:
            name, target = engine.marts(domain.name, table), _literal(f"{folder}/{table}")
            session.execute(
                f"insert overwrite directory {target} using parquet select * from {name}"
            )
            rows = session.query(f"select count(*) as row_count from {name}")
            counts[table] = int(rows[0]["row_count"])
    return counts


def copy_dimension_files(night: Night, landing: Landing, lake_uri: str) -> list[str]:
    """Copy the files of a night's tables that every dump holds whole beside the lake's tables.

    They go to <lake>/<domain>/files/<table>/load_date=YYYY-MM-DD/; copying again replaces them.

    Returns:
        The URIs of the copies.
    """
    file_system, root = fsspec.core.url_to_fs(lake_uri)
    copies = []
    for file in night.files:
        if landing.domain.raw_tables[file.table].business_date:
            continue
        home = posixpath.join(landing.domain.folder_in(root), "files", file.table)
        folder = posixpath.join(home, f"load_date={night.load_date}")
        copy = posixpath.join(folder, file.name)
        file_system.makedirs(folder, exist_ok=True)
        with landing.file_system.open(file.path, "rb") as raw, file_system.open(copy, "wb") as out:
            shutil.copyfileobj(raw, out)
        copies.append(file_system.unstrip_protocol(copy))
    return copies


@dataclass(frozen=True)
class Sweep:
    """What a sweep deleted: number of folders."""

    folders: int


def sweep(engine: Engine, domain: Domain, lake_uri: str) -> Sweep:
    """Delete the folders of a domain that neither readers nor a rollback can need any more.

    Those are: old rows of published tables outside the time that a rollback reaches back, the
    tables of earlier runs, rows of restated dates, and what killed runs have left.
    """
    file_system, root = fsspec.core.url_to_fs(lake_uri)
    with engine.session() as session:
        table_of_runs = engine.marts(domain.name, "runs")
        runs = session.query(f"select * from {table_of_runs} order by run_number")
        needed = _needed_folders(runs)
        slices = _needed_slices(session, engine, domain, runs)
        doomed: list[str] = []
        for layer in ("raw", "staging", "intermediate", "marts"):
            schema = engine.schema(domain.name, layer)
            # An older lake has its layers elsewhere, but for what is written beside the tables.
            homes = {folder_of(session, schema), f"{domain.folder_in(root)}/{layer}"}
            for table_folder in _table_folders(file_system, homes):
                found = _folders(file_system, table_folder)
                table = posixpath.basename(table_folder)
                is_sliced = any(posixpath.basename(f).startswith(_SLICE) for f in found)
                if is_sliced:
                    kept = {posixpath.join(table_folder, _SLICE + run_id) for run_id in slices}
                elif table in domain.published_tables:
                    kept = {folder for folder in found if _is_needed(folder, needed)}
                    # The candidate of the last run, published or not, is a table too.
                    kept |= set([f for f in found if not f.endswith("/empty")][-1:])
                else:
                    # Names begin with the time of the run: the last one is in use.
                    kept = set(found[-1:])
                doomed += [folder for folder in found if folder not in kept]
                if is_sliced:
                    _drop_slices(session, f"{schema}.{table}", slices)
    for folder in doomed:
        file_system.rm(folder, recursive=True)
    return Sweep(len(doomed))


def _needed_folders(runs: Iterable[Row]) -> set[str]:
    """Folders, without their scheme, that a table points at or a rollback may point it at."""
    current: dict[tuple[str, str | None], str | None] = {}
    previous = set()
    for row in runs:
        current[row["table_name"], row["partition_date"]] = row["location"]
        if row["is_revertible"]:
            previous.add(row["previous_location"])
    return {_path(uri) for uri in previous.union(current.values()) if uri}


def _needed_slices(
    session: Session, engine: Engine, domain: Domain, runs: Iterable[Row]
) -> set[str]:
    """Run ids whose staged rows the current state, or one that a rollback can bring back, shows."""
    sources = [engine.marts(domain.name, "load_coverage")]
    sources += [
        f"parquet.`{row['previous_location']}`"
        for row in runs
        if row["table_name"] == "load_coverage"
        and row["is_revertible"]
        and not row["previous_location"].endswith("/empty")
    ]
    selects = (f"select run_id from {source}" for source in sources)
    return {row["run_id"] for row in session.query(" union ".join(selects))}


def _drop_slices(session: Session, table: str, kept: set[str]) -> None:
    for row in session.query(f"show partitions {table}"):
        run_id = row["partition"].removeprefix(_SLICE)
        if run_id not in kept:
            session.execute(
                f"alter table {table} drop if exists partition (run_id = {_literal(run_id)})"
            )


def folder_of(session: Session, schema: str) -> str:
    """Return the path of a schema's folder.

    Raises:
        EngineError: there is no such schema.
    """
    (uri,) = (
        row["info_value"]
        for row in session.query(f"describe schema {schema}")
        if row["info_name"] == "Location"
    )
    # The catalog answers with a URI, in which a space is %20.
    return _path(unquote(uri))


def _table_folders(file_system: fsspec.AbstractFileSystem, homes: Iterable[str]) -> list[str]:
    there = (home for home in sorted(homes) if file_system.isdir(home))
    return [folder for home in there for folder in _folders(file_system, home)]


def _folders(file_system: fsspec.AbstractFileSystem, folder: str) -> list[str]:
    entries = file_system.ls(folder, detail=True)
    return sorted(entry["name"].rstrip("/") for entry in entries if entry["type"] == "directory")


def _is_needed(folder: str, needed: set[str]) -> bool:
    return folder.endswith("/empty") or any(
        path == folder or path.startswith(folder + "/") for path in needed
    )


def _all_there(uris: Iterable[str]) -> bool:
    for uri in uris:
        file_system, path = fsspec.core.url_to_fs(_scheme_url(uri))
        if not path.endswith("/empty") and not file_system.exists(path):
            return False
    return True


def _path(uri: str) -> str:
    path: str = fsspec.core.url_to_fs(_scheme_url(uri))[1]
    return path.rstrip("/")


def _scheme_url(uri: str) -> str:
    """Return Hadoop's file:/folder as file:///folder."""
    return "file://" + uri.removeprefix("file:") if uri.startswith("file:/") else uri


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _date(value: date | str) -> date:
    return date.fromisoformat(str(value))


__all__ = [
    "EngineError",
    "LakeError",
    "Sweep",
    "copy_dimension_files",
    "expect_registered",
    "export",
    "folder_of",
    "loaded_nights",
    "rollback",
    "sweep",
]
