"""Deploy the nightly unload to a Snowflake account, load raw data, unload a night, ask how it went.

Login is by key pair only. All settings come from the environment; none of them is a secret but the
passphrase of the key, which is neither printed nor logged.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import snowflake.connector
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from snowflake.connector import DictCursor, SnowflakeConnection
from snowflake.connector.errors import Error

# As a program, Python looks for modules beside this file alone.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from snowflake.differences import differences
from snowflake.key_pair import fingerprint_of, private_key_of
from snowflake.settings import (
    CONNECTION,
    PARAMETERS,
    WHOLE_NUMBER,
    DeployError,
    Settings,
    read_settings,
)
from snowflake.sql_files import (
    LOAD_FILE,
    deployment,
    rendered,
    sql_files,
    statements,
)

# In seconds; a network that answers does so within one or two.
LOGIN_TIMEOUT = 20


class MissingError(DeployError):
    """What a statement asks for is not in the account, or hidden from the role."""


@contextlib.contextmanager
def connected(settings: Settings, **session: str) -> Iterator[SnowflakeConnection]:
    """Log in for the length of a `with` block; session: role, warehouse and database to begin with.

    Raises:
        DeployError: the key cannot be read, the account cannot be reached, or refuses the login.
    """
    # No certificate fits a host with an underscore; Snowflake answers to a hyphen in its place. The
    # login itself takes the account's name as it is.
    url = (settings["url"] or f"https://{settings['account']}.snowflakecomputing.com").replace(
        "_", "-"
    )
    address = urlsplit(url)
    private_key = private_key_of(settings)
    # For its statistics the connector would ask the machine's cloud, if any, where it runs.
    os.environ["SNOWFLAKE_DISABLE_PLATFORM_DETECTION"] = "true"
    try:
        connection = snowflake.connector.connect(
            account=settings["account"],
            user=settings["user"],
            authenticator="SNOWFLAKE_JWT",
            private_key=private_key.private_bytes(
                Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
            ),
            host=address.hostname,
            port=address.port or 443,
            protocol=address.scheme,
            login_timeout=LOGIN_TIMEOUT,
            session_parameters={"TIMEZONE": "UTC"},
            # No statement runs on after the logout; without a choice the connector warns.
            enable_server_session_keep_alive_auto_detection=False,
            **session,
        )
    except Error as error:
        raise DeployError(_login_fault(error, settings, url, private_key)) from error
    with contextlib.closing(connection):
        yield connection


def _login_fault(error: Error, settings: Settings, url: str, key: PrivateKeyTypes) -> str:
    user, account = settings["user"], settings["account"]
    text = re.sub(r"^Failed to login: (Login error: )?|, code: \d+$", "", _one_line(error))
    if error.errno == 390144:
        return (
            f"wrong key: {settings['private_key_file']} is not a key of user {user} in account "
            f"{account}, or there is no such user. Its fingerprint is {fingerprint_of(key)}: "
            f"`describe user {user}` must show it as RSA_PUBLIC_KEY_FP or RSA_PUBLIC_KEY_2_FP"
        )
    if error.errno == 390189:
        return f"missing right: {text} The roles come with deploy, which gives them to {user}"
    if error.sqlstate == "HYT00" or "HTTP request failed" in text:
        return f"account {account} cannot be reached at {url}: {text}"
    return f"login of {user} to account {account} failed: {text}"


def run(connection: SnowflakeConnection, statement: str, what: str) -> list[Any]:
    """Run a statement and return its rows, as dictionaries.

    Raises:
        MissingError: what it needs is not in the account.
        DeployError: it failed; the text begins with `what`.
    """
    try:
        with connection.cursor(DictCursor) as cursor:
            return list(cursor.execute(statement).fetchall())
    except Error as error:
        fault = f"{what}: {_one_line(error)}"
        if error.errno == 3001:
            fault = f"missing right: {fault}"
        elif error.errno in (2003, 2043):
            raise MissingError(f"{fault} (or the role has no right to it)") from error
        raise DeployError(fault) from error


def _one_line(error: Error) -> str:
    """The reason alone: a procedure's traceback ends with it."""
    text = str(error.raw_msg)
    if reasons := re.findall(r"UnloadError: (.*?)(?=\n in function|\Z)", text, re.DOTALL):
        text = reasons[-1]
    return " ".join(text.split())


def sql(options: argparse.Namespace) -> int:
    """Print what deploy would run; needs no connection."""
    settings = read_settings([CONNECTION[1], *PARAMETERS], os.environ)
    for path in sql_files(options.first):
        print(f"-- {path.name}")
        for statement in deployment(path, settings):
            print(f"{statement};\n")
    return 0


def plan(options: argparse.Namespace) -> int:
    """Print what differs between the account and the files; changes nothing."""
    settings = read_settings([*CONNECTION, *PARAMETERS], os.environ)
    chosen, everything = (
        [text for path in sql_files(first) for text in deployment(path, settings)]
        for first in (options.first, "")
    )
    with connected(settings) as connection:

        def ask(statement: str) -> list[Any] | None:
            try:
                return run(connection, statement, statement)
            except MissingError:
                return None

        found = differences(chosen, everything, ask)
    for difference in found:
        print(difference)
    print(f"differences: {len(found)}")
    return 0


def deploy(options: argparse.Namespace) -> int:
    """Run the files in their order."""
    settings = read_settings([*CONNECTION, *PARAMETERS], os.environ)
    files = sql_files(options.first)
    with connected(settings) as connection:
        for path in files:
            began = time.monotonic()
            found = deployment(path, settings)
            for number, statement in enumerate(found, 1):
                run(connection, statement, f"{path.name}, statement {number}")
            _report(began, f"{path.name}: {len(found)} statements")
    return 0


def load(options: argparse.Namespace) -> int:
    """Load the raw tables from the source bucket, in one transaction."""
    settings = read_settings([*CONNECTION, *PARAMETERS], os.environ)
    with connected(settings) as connection:
        try:
            for statement in statements(rendered(LOAD_FILE, settings)):
                began = time.monotonic()
                first_words = " ".join(statement.split()[:3])
                rows = run(connection, statement, first_words)
                if first_words.startswith("copy into"):
                    loaded = sum(int(row.get("rows_loaded", 0)) for row in rows)
                    if not loaded:
                        raise DeployError(f"{first_words}: no rows in {settings['source_url']}")
                    _report(began, f"{loaded:,} rows {first_words.removeprefix('copy ')}")
        except DeployError:
            run(connection, "rollback", "rollback")
            raise
    return 0


def unload(options: argparse.Namespace) -> int:
    """Dump a night to the landing, in place of any earlier dump of that night."""
    settings = read_settings([*CONNECTION, *PARAMETERS], os.environ)
    arguments = []
    if options.load_date:
        arguments.append(f"load_date => '{options.load_date.isoformat()}'")
    if options.window:
        arguments.append(f"window_days => {options.window}")
    began = time.monotonic()
    with _unloader(settings) as connection:
        call = f"call {settings['database']}.ops.unload({', '.join(arguments)})"
        [answer] = run(connection, call, "unload")
    manifest = json.loads(next(iter(answer.values())))
    for table in dict.fromkeys(entry["table"] for entry in manifest["files"]):
        entries = [entry for entry in manifest["files"] if entry["table"] == table]
        rows, size = (sum(entry[key] for entry in entries) for key in ("rows", "bytes"))
        print(f"{rows:12,} rows {size:14,} bytes  {table}, files: {len(entries)}")
    _report(began, f"night {manifest['load_date']} lies in {settings['landing_url']}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Say whether the task is on and how its last run went; exit code 1 if either is bad."""
    settings = read_settings([*CONNECTION, *PARAMETERS], os.environ)
    schema = f"{settings['database']}.ops"
    with _unloader(settings) as connection:
        tasks = run(connection, f"show tasks like 'unload_night' in schema {schema}", "status")
        if not tasks:
            raise DeployError(f"there is no task unload_night in {schema}; deploy creates it")
        # The next run is in the history too.
        history = f"{settings['database']}.information_schema.task_history"
        runs = run(
            connection,
            "select state, scheduled_time, completed_time, error_message "  # noqa: S608
            f"from table({history}(task_name => 'UNLOAD_NIGHT')) "
            "where state <> 'SCHEDULED' order by scheduled_time desc limit 1",
            "status",
        )
    print(f"task unload_night: {tasks[0]['state']}, {tasks[0]['schedule']}")
    if not runs:
        print("no run in the last seven days")
        return int(tasks[0]["state"] != "started")
    last = runs[0]
    print(f"last run: {last['STATE']}, {last['SCHEDULED_TIME']:%Y-%m-%d %H:%M:%S} UTC")
    if last["ERROR_MESSAGE"]:
        print(f"reason: {_one_line(Error(last['ERROR_MESSAGE']))}")
    return int(tasks[0]["state"] != "started" or last["STATE"] not in ("SUCCEEDED", "EXECUTING"))


def _unloader(settings: Settings) -> contextlib.AbstractContextManager[SnowflakeConnection]:
    return connected(
        settings,
        role=settings["unloader_role"],
        warehouse=settings["warehouse"],
        database=settings["database"],
        # The procedure runs in the schema of its caller.
        schema="ops",
    )


def _report(began: float, what: str) -> None:
    print(f"{time.monotonic() - began:8.1f} s  {what}", flush=True)


def _parser() -> argparse.ArgumentParser:
    width = max(len(setting.variable) for setting in (*CONNECTION, *PARAMETERS))
    lines = [
        f"  {setting.variable:{width}}  {setting.meaning}"
        + (f" (default: {setting.default})" if setting.default else "")
        for setting in (*CONNECTION, *PARAMETERS)
    ]
    parser = argparse.ArgumentParser(
        prog="python snowflake/deploy.py",
        description=__doc__,
        epilog="environment variables:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=function)
        return added

    for name, function, text in (
        ("sql", sql, "print the SQL that deploy would run; needs no connection"),
        ("plan", plan, "print what differs between the account and the files; changes nothing"),
        ("deploy", deploy, "run the numbered SQL files; running them again changes nothing"),
    ):
        command(name, function, text).add_argument(
            "--from", dest="first", default="", metavar="NN",
            help="begin with this file; from 03 on no administrator is needed",
        )  # fmt: skip
    command("load", load, "load the raw tables from the source bucket")
    unloading = command("unload", unload, "dump a night to the landing, or dump it again")
    unloading.add_argument(
        "--load-date", type=_date, metavar="YYYY-MM-DD", help="the night (default: today at UTC-5)"
    )
    unloading.add_argument(
        "--window", type=_days, metavar="DAYS",
        help="business dates of sales and inventory (default: that of the account)",
    )  # fmt: skip
    command("status", status, "the task's state and its last run; exit code 1 if one is bad")
    return parser


def _date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-11-20")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not in the calendar") from error


def _days(text: str) -> int:
    if not re.fullmatch(WHOLE_NUMBER, text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or 1 with the reason in one line."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except DeployError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; running the command again is safe", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
