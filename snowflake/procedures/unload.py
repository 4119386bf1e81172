"""Handler of the procedure `ops.unload`: dumps one night to the landing, its manifest last.

It runs inside Snowflake, with the rights and in the schema of whoever calls it: the task, or a
session that has chosen the schema `ops`. It needs the standard library and a Snowpark session, of
which it uses `session.sql(...).collect()` only.

An earlier dump of the night stays whole until the new one is: new files get names of their own, the
manifest then goes over from the old files to the new in one write, and only after that the old
files are removed. Files that no manifest names are not read by anybody.
"""

import json
import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

# The night's clock: UTC-5 all year.
EST = timezone(timedelta(hours=-5))

# Sales and inventory are dumped for a window of business dates, the others whole.
BUSINESS_DATES = {"sales": "trans_dt", "inventory": "cal_dt"}
TABLES = ("sales", "inventory", "store", "product", "calendar")

LONGEST_WINDOW = 3660
# What Snowflake allows at most for one file.
LARGEST_FILE = 5 * 1024**3


class UnloadError(Exception):
    """The night cannot be dumped; the text says why. An earlier dump of it is as it was."""


Window = tuple[date, date]
"""The first and the last business date of a dump."""


def unload(
    session: Any, load_date: str | None, window_days: int, max_file_bytes: int
) -> dict[str, Any]:
    """Dump a night and return its manifest.

    load_date: the night as YYYY-MM-DD; None takes today at UTC-5.
    window_days: how many business dates up to the day before sales and inventory hold.
    max_file_bytes: a table that is larger than this comes in several files.

    Raises:
        UnloadError: an argument is out of range, a table has nothing to dump, rows are dated in the
            future, another unload of the night runs, or a statement fails.
    """
    today = datetime.now(EST).date()
    night = today if load_date is None else _date(load_date)
    days = timedelta(days=_number("window_days", window_days, LONGEST_WINDOW))
    max_bytes = _number("max_file_bytes", max_file_bytes, LARGEST_FILE)
    window = (night - days, night - timedelta(days=1))

    for table in BUSINESS_DATES:
        _refuse_rows_after(session, table, max(night, today))
    for table in TABLES:
        _refuse_no_rows(session, table, window)
    old = _files_of(session, night)
    number = _next_number(old, night)
    manifest = {
        "load_date": night.isoformat(),
        "files": [
            entry
            for table in TABLES
            for entry in _unload_table(session, table, night, number, window, max_bytes)
        ],
    }
    _expect_files(manifest, _files_of(session, night))
    _write_manifest(session, night, manifest)
    _remove(session, night, old)
    return manifest


def _date(text: str) -> date:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise UnloadError(f"load_date {text!r} is not a date like 2026-11-20")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UnloadError(f"load_date {text!r} is not in the calendar") from error


def _number(name: str, value: int, largest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
        raise UnloadError(f"{name} {value!r} is not a whole number from 1 to {largest}")
    return value


def _literal(day: date) -> str:
    """A date in SQL, whatever format of dates the session expects."""
    return f"to_date('{day.isoformat()}', 'YYYY-MM-DD')"


def _folder(name: str, night: date) -> str:
    """Where the files of a table, or the manifest, of a night lie in the stage."""
    return f"@landing/{name}/load_date={night.isoformat()}/"


def _files_of(session: Any, night: date) -> dict[tuple[str, str], int]:
    """Bytes of the files of a night's dumps, by table and name.

    What has another name is a person's, and stays. It could not be removed either: REMOVE takes its
    argument for the beginning of names, and `sales` would take all files with it.
    """
    files = {}
    for table in TABLES:
        statement = f"list '{_folder(table, night)}'"
        for path, size, *_ in _run(session, statement, f"the folder of {table}"):
            name = path.rsplit("/", 1)[-1]
            if re.fullmatch(rf"{table}_{night:%Y%m%d}(_\w+)?\.csv(\.gz)?", name, re.ASCII):
                files[table, name] = int(size)
    return files


def _next_number(files: dict[tuple[str, str], int], night: date) -> int:
    """The number of a night's next dump, larger than those in the names of its files."""
    numbers = [
        int(found[1])
        for table, name in files
        if (found := re.match(rf"{table}_{night:%Y%m%d}_([0-9]+)", name))
    ]
    return max(numbers, default=0) + 1


def _refuse_rows_after(session: Any, table: str, newest: date) -> None:
    """Fail on rows that are dated after a day: they are outside of this window and of the next.

    Rows of the load date itself may be there: a store that is open at midnight has some at 2:00,
    and the next night dumps them.
    """
    column = BUSINESS_DATES[table]
    [[count, latest]] = _run(
        session,
        f"select count(*), max({column}) from raw.{table} where {column} > {_literal(newest)}",
        f"the dates of {table}",
    )
    if count:
        raise UnloadError(
            f"raw.{table} has {count} rows outside any window: dated after {newest}, "
            f"up to {latest}; correct them in the source and unload again"
        )


def _refuse_no_rows(session: Any, table: str, window: Window) -> None:
    """Fail on a table that has nothing to dump."""
    [[count]] = _run(
        session, f"select count(*) from raw.{table}{_condition(table, window)}", f"rows of {table}"
    )
    if not count:
        raise _no_rows(table, window)


def _no_rows(table: str, window: Window) -> UnloadError:
    dates = f" from {window[0]} to {window[1]}" if table in BUSINESS_DATES else ""
    return UnloadError(f"raw.{table} has no rows{dates}: there is nothing to dump")


def _condition(table: str, window: Window) -> str:
    """The rows of a table that belong to a dump, as SQL."""
    if table not in BUSINESS_DATES:
        return ""
    first, last = map(_literal, window)
    return f" where {BUSINESS_DATES[table]} between {first} and {last}"


def _unload_table(
    session: Any, table: str, night: date, number: int, window: Window, max_bytes: int
) -> list[dict[str, Any]]:
    """Write the files of a table, in the stage's format; return their entries in the manifest."""
    rows = _run(
        session,
        f"copy into '{_folder(table, night)}{table}_{night:%Y%m%d}_{number}' "
        f"from (select * from raw.{table}{_condition(table, window)}) "
        f"header = true max_file_size = {max_bytes} detailed_output = true",
        table,
    )
    # The rows may have gone since they were counted. Then there is no file, or a header alone.
    if sum(int(count) for _, _, count in rows) == 0:
        raise _no_rows(table, window)
    dates_covered = {
        "first_business_date": window[0].isoformat(),
        "last_business_date": window[1].isoformat(),
    }
    return [
        {
            "table": table,
            "file_name": name.rsplit("/", 1)[-1],
            "bytes": int(size),
            "rows": int(count),
            **(dates_covered if table in BUSINESS_DATES else {}),
        }
        for name, size, count in rows
    ]


def _expect_files(manifest: dict[str, Any], files: dict[tuple[str, str], int]) -> None:
    """Fail before a manifest is written whose files are gone: an unload beside this one does so."""
    for entry in manifest["files"]:
        if files.get((entry["table"], entry["file_name"])) != entry["bytes"]:
            raise UnloadError(
                f"{entry['file_name']} has gone or changed since it was written: another unload of "
                f"{manifest['load_date']} runs; wait for its end, then unload again"
            )


def _write_manifest(session: Any, night: date, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest).replace("\\", "\\\\").replace("'", "''")
    _run(
        session,
        f"copy into '{_folder('manifest', night)}manifest_{night:%Y%m%d}.json' "
        f"from (select parse_json('{text}')) "
        "file_format = (type = json compression = none) single = true overwrite = true",
        "the manifest",
    )


def _remove(session: Any, night: date, files: dict[tuple[str, str], int]) -> None:
    """Remove the files of earlier dumps, which the manifest does not name any more."""
    for table, name in files:
        _run(
            session,
            f"remove '{_folder(table, night)}{name}'",
            f"the dump of {night} is whole, but {name} of an earlier one could not be removed",
        )


def _run(session: Any, statement: str, what: str) -> list[Any]:
    try:
        return list(session.sql(statement).collect())
    except Exception as error:
        raise UnloadError(f"{what}: {error}") from error
