"""Handler of the procedure `ops.unload`: dumps one night to the landing, its manifest last.

It runs inside Snowflake, in the schema of its procedure and with the rights of that procedure's
owner. It needs the standard library and a Snowpark session, of which it uses
`session.sql(...).collect()` only.
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
    """The night cannot be dumped; the text says why. It has no manifest then."""


def unload(
    session: Any, load_date: str | None, window_days: int, max_file_bytes: int
) -> dict[str, Any]:
    """Dump a night and return its manifest.

    load_date: the night as YYYY-MM-DD; None takes today at UTC-5.
    window_days: how many business dates up to the day before sales and inventory hold.
    max_file_bytes: a table that is larger than this comes in several files.

    Raises:
        UnloadError: an argument is out of range, a table has nothing to dump, rows are dated in the
            future, or a statement fails.
    """
    today = datetime.now(EST).date()
    night = today if load_date is None else _date(load_date)
    window = timedelta(days=_number("window_days", window_days, LONGEST_WINDOW))
    max_bytes = _number("max_file_bytes", max_file_bytes, LARGEST_FILE)
    first, last = night - window, night - timedelta(days=1)

    _remove_night(session, night)
    for table in BUSINESS_DATES:
        _refuse_rows_after(session, table, max(night, today))
    manifest = {
        "load_date": night.isoformat(),
        "files": [
            entry
            for table in TABLES
            for entry in _unload_table(session, table, night, first, last, max_bytes)
        ],
    }
    _write_manifest(session, night, manifest)
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


def _remove_night(session: Any, night: date) -> None:
    """Remove what an earlier run left: the manifest first, so that it never names missing files."""
    for name in ("manifest", *TABLES):
        _run(session, f"remove '{_folder(name, night)}'", f"the old files of {name}")


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


def _unload_table(
    session: Any, table: str, night: date, first: date, last: date, max_bytes: int
) -> list[dict[str, Any]]:
    """Write the files of a table, in the stage's format; return their entries in the manifest."""
    column = BUSINESS_DATES.get(table)
    window = f" where {column} between {_literal(first)} and {_literal(last)}" if column else ""
    rows = _run(
        session,
        f"copy into '{_folder(table, night)}{table}_{night:%Y%m%d}' "
        f"from (select * from raw.{table}{window}) "
        f"header = true max_file_size = {max_bytes} detailed_output = true",
        table,
    )
    # Without rows there is no file, or one with a header only.
    if sum(int(count) for _, _, count in rows) == 0:
        dates = f" from {first} to {last}" if column else ""
        raise UnloadError(f"raw.{table} has no rows{dates}: there is nothing to dump")
    dates_covered = {
        "first_business_date": first.isoformat(),
        "last_business_date": last.isoformat(),
    }
    return [
        {
            "table": table,
            "file_name": name.rsplit("/", 1)[-1],
            "bytes": int(size),
            "rows": int(count),
            **(dates_covered if column else {}),
        }
        for name, size, count in rows
    ]


def _write_manifest(session: Any, night: date, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest).replace("\\", "\\\\").replace("'", "''")
    _run(
        session,
        f"copy into '{_folder('manifest', night)}manifest_{night:%Y%m%d}.json' "
        f"from (select parse_json('{text}')) "
        "file_format = (type = json compression = none) single = true",
        "the manifest",
    )


def _run(session: Any, statement: str, what: str) -> list[Any]:
    try:
        return list(session.sql(statement).collect())
    except Exception as error:
        raise UnloadError(f"{what}: {error}") from error
