"""What differs between an account and the SQL files, with the value on both sides.

The statements that a deployment would run are walked in their order: `use` is run, so that each
question is asked with the role that deploys the object, and of what `create` and `grant` say the
account is asked. Nothing is changed. What is compared, and what is not: docs/snowflake.md.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from snowflake.sql_files import Created, value_of

Rows = list[dict[str, Any]]
Ask = Callable[[str], Rows | None]
"""Runs a statement and returns its rows; None where what it asks about is not in the account."""

# What SHOW calls what CREATE sets. Kinds that are not named here tell their settings to DESCRIBE.
_SHOWN = {
    "role": {"comment": "comment"},
    "warehouse": {
        "warehouse_size": "size",
        "auto_suspend": "auto_suspend",
        "auto_resume": "auto_resume",
        "comment": "comment",
    },
    "database": {"comment": "comment"},
    "schema": {"comment": "comment"},
    "stage": {"url": "url", "storage_integration": "storage_integration", "comment": "comment"},
    "task": {
        "warehouse": "warehouse",
        "schedule": "schedule",
        "error_integration": "error_integration",
        "comment": "comment",
        "body": "definition",
    },
}
_TYPES = {"bigint": "NUMBER(38,0)", "int": "NUMBER(38,0)", "varchar": "VARCHAR(16777216)"}
_GRANT = re.compile(r"grant\s+(?P<what>.+?)\s+on\s+(?P<on>.+?)\s+to\s+role\s+(?P<role>\w+)", re.S)
_GRANT_OF_ROLE = re.compile(r"grant\s+role\s+(?P<what>\w+)\s+to\s+role\s+(?P<role>\w+)")

Right = tuple[str, str, str]
"""A privilege, the kind of object that it is on, and the object's whole name."""


@dataclass(frozen=True)
class Difference:
    """A setting that the account and the files have with different values; None: not there."""

    where: str
    setting: str
    account: str | None
    files: str | None

    def __str__(self) -> str:
        """One line for a person."""
        account, files = (
            "not there" if value is None else repr(value) for value in (self.account, self.files)
        )
        what = f"{self.where}: {self.setting}" if self.setting else self.where
        return f"{what}: {account} in the account, {files} in the files"


def differences(
    statements: Iterable[str], all_statements: Iterable[str], ask: Ask
) -> list[Difference]:
    """Compare an account with statements of the files.

    all_statements: those of all files, which together say what rights a role has.

    Raises:
        DeployError: the account refuses a question.
    """
    found: list[Difference] = []
    schema, ask_inside = "", ask
    for statement in statements:
        if statement.startswith("use schema"):
            schema = statement.split()[-1]
            # Names in it would be looked for in another schema.
            ask_inside = ask if ask(statement) is not None else lambda _: None
        elif statement.startswith("use "):
            ask(statement)
        elif created := Created.of(statement):
            found += _of_object(created, schema, ask_inside)
        elif resumed := re.fullmatch(r"alter task (\w+) resume", statement):
            [row, *_] = ask(f"show tasks like '{resumed[1]}' in schema {schema}") or [{}]
            found += _of_values(f"task {resumed[1]}", {"state": "started"}, row, {"state": "state"})
    return found + _of_rights(list(all_statements), ask)


def _of_object(created: Created, schema: str, ask: Ask) -> list[Difference]:
    where = f"{created.kind} {created.name}"
    if created.kind == "table":
        return _of_columns(created, ask)
    told = _shown(created, schema, ask) if created.kind in _SHOWN else _described(created, ask)
    if told is None:
        return [Difference(where, "", None, "created by deploy")]
    names = _SHOWN.get(created.kind, {name: name for name in created.settings})
    return _of_values(where, created.settings, told, names)


def _shown(created: Created, schema: str, ask: Ask) -> dict[str, Any] | None:
    """An object's line of SHOW; None where it is not there."""
    place, _, name = created.name.rpartition(".")
    inside = f" in database {place}" if created.kind == "schema" else ""
    if created.kind in ("stage", "task"):
        inside = f" in schema {schema}"
    rows = ask(f"show {created.kind}s like '{name}'{inside}") or []
    # An underscore in LIKE stands for any letter.
    same = [row for row in map(_lowered, rows) if str(row["name"]).lower() == name.lower()]
    return same[0] if same else None


def _described(created: Created, ask: Ask) -> dict[str, Any] | None:
    """The properties that DESCRIBE tells of an object; None where it is not there."""
    arguments = f"({', '.join(created.argument_types)})" if created.kind == "procedure" else ""
    kind = "integration" if created.kind.endswith("integration") else created.kind
    rows = ask(f"describe {kind} {created.name}{arguments}")
    if rows is None:
        return None
    return {
        str(row["property"]).lower().replace(" ", "_"): row.get("property_value", row.get("value"))
        for row in map(_lowered, rows)
    }


def _of_values(
    where: str, wanted: Mapping[str, str], row: Mapping[str, Any], names: Mapping[str, str]
) -> list[Difference]:
    """Compare the settings that the account tells."""
    found = []
    for setting, name in names.items():
        if setting in wanted and name in row:
            account = "" if row[name] is None else str(row[name])
            account = account.strip() if setting == "body" else account
            files = value_of(wanted[setting])
            if _plain(account) != _plain(files):
                found.append(Difference(where, setting, *_where_they_part(account, files)))
    return found


def _where_they_part(account: str, files: str) -> tuple[str, str]:
    """The first lines that differ in texts of several lines, such as a procedure's code."""
    pairs = itertools.zip_longest(account.strip().splitlines(), files.splitlines(), fillvalue="")
    return next((pair for pair in pairs if _plain(pair[0]) != _plain(pair[1])), (account, files))


def _of_columns(created: Created, ask: Ask) -> list[Difference]:
    where = f"table {created.name}"
    told = ask(f"describe table {created.name}")
    if told is None:
        return [Difference(where, "", None, "created by deploy")]
    rows = [_lowered(row) for row in told]
    account = {
        str(row["name"]).lower(): f"{row['type']}{' not null' if row['null?'] == 'N' else ''}"
        for row in rows
    }
    files = {name: _whole_type(text) for name, text in created.columns.items()}
    return [
        Difference(where, f"column {name}", account.get(name), files.get(name))
        for name in dict.fromkeys([*files, *account])
        if _plain(account.get(name, "")) != _plain(files.get(name, ""))
    ]


def _whole_type(text: str) -> str:
    """A column's type and `not null` as DESCRIBE tells them."""
    return re.sub(r"^[a-z]+", lambda name: _TYPES.get(name[0], name[0].upper()), text)


def _of_rights(statements: list[str], ask: Ask) -> list[Difference]:
    """Compare the rights of the roles that the files create."""
    created = [each for text in statements if (each := Created.of(text))]
    roles = [each.name for each in created if each.kind == "role"]
    tables = [each.name for each in created if each.kind == "table"]
    wanted = _wanted_rights(statements, tables)
    found = []
    for role in roles:
        rows = ask(f"show grants to role {role}")
        if rows is None:
            continue
        account = {
            (row["privilege"], row["granted_on"].replace("_", " "), row["name"])
            for row in map(_lowered, rows)
            # An owner has it by having made the object.
            if row["privilege"] != "OWNERSHIP"
        }
        account = {
            (what, on, "" if on == "ACCOUNT" else name.upper()) for what, on, name in account
        }
        for right in sorted(account ^ wanted.get(role.upper(), set())):
            what, on, name = right
            text = f"{what} on {on} {name}".strip().lower()
            sides = ("granted", None) if right in account else (None, "granted")
            found.append(Difference(f"role {role}", text, *sides))
    return found


def _wanted_rights(statements: Iterable[str], tables: list[str]) -> dict[str, set[Right]]:
    rights: dict[str, set[Right]] = {}
    schema = ""
    for statement in statements:
        if statement.startswith("use schema"):
            schema = statement.split()[-1]
        if match := _GRANT_OF_ROLE.fullmatch(statement):
            granted = {("USAGE", "ROLE", match["what"].upper())}
        elif match := _GRANT.fullmatch(statement):
            granted = {
                (privilege.strip().upper(), on.upper(), name.upper())
                for privilege in match["what"].split(",")
                for on, name in _objects(match["on"], schema, tables)
            }
        else:
            continue
        rights.setdefault(match["role"].upper(), set()).update(granted)
    return rights


def _objects(text: str, schema: str, tables: list[str]) -> list[tuple[str, str]]:
    """Kind and whole name of what a right is on."""
    if text == "account":
        return [("account", "")]
    kind, _, name = text.rpartition(" ")
    if kind == "all tables in schema":
        return [("table", f"{name}.{table}") for table in tables]
    return [(kind, f"{schema}.{name}" if kind in ("stage", "file format") else name)]


def _plain(value: str) -> str:
    """A value without what SHOW and DESCRIBE write otherwise than CREATE."""
    return re.sub(r"[\s\[\]()\"']|(?<=x)-(?=s|l)", "", value.replace("\n", "\\n").lower())


def _lowered(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in row.items()}
