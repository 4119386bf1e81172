"""The account: which statements the stand-in runs itself, and which go to fakesnow."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.serialization import load_der_public_key
from fakesnow.instance import FakeSnow

from . import objects, stages, statements, tasks
from .objects import Objects
from .session import Session
from .stages import Stages
from .statements import Result, options_of, pattern, refused, without_leading_comments
from .tasks import Tasks

_USE_ROLE = pattern(r"use\s+role\s+(?P<name>\w+)")
_ALTER_KEY = pattern(
    r"alter\s+user\s+(?P<name>\w+)\s+(set\s+(?P<set>rsa_public_key(_2)?)\s*=\s*'(?P<key>[^']*)'"
    r"|unset\s+(?P<unset>rsa_public_key(_2)?))"
)
_USE_WAREHOUSE = pattern(r"use\s+warehouse\s+\w+")
# Properties that fakesnow does not know and that change nothing here, and the primary key, which
# Snowflake keeps as a remark while DuckDB would enforce it.
_IGNORED = pattern(
    r"\scomment\s*=\s*'(?:[^']|'')*'(?=\s|$)"
    r"|,\s*primary\s+key\s*\([^)]*\)"
)
_CREATE_TABLE = pattern(r"create\s+table\s.*")

_ADMINISTRATORS = ("ACCOUNTADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN")

Handler = Callable[[Session, re.Match[str]], Result]


@dataclass(frozen=True)
class Fault:
    """An error that a test has ordered for every statement of a form."""

    form: re.Pattern[str]
    code: int
    state: str
    text: str


@dataclass
class Account:
    """An account without anything in it.

    users: the public keys of each user, by the name of the property that holds them.
    ledger: the statements about rights, warehouses and integrations, which are kept and no more,
        each with the role that gave it.
    """

    fakesnow: FakeSnow
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: set[str] = field(default_factory=lambda: set(_ADMINISTRATORS))
    ledger: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    stages: Stages = field(default_factory=Stages)
    objects: Objects = field(default_factory=Objects)
    tasks: Tasks = field(init=False)

    def __post_init__(self) -> None:
        self.tasks = Tasks(self._run_in)
        self._lock = threading.RLock()
        self._handlers: list[tuple[re.Pattern[str], Handler]] = [
            (objects.CREATE, self._create),
            (objects.ALTER, self._alter),
            (objects.SHOW, self.objects.show),
            (objects.DESCRIBE, self.objects.describe),
            (objects.SHOW_GRANTS, self._show_grants),
            (_USE_ROLE, self._use_role),
            (objects.GRANT, self._grant),
            (_ALTER_KEY, self._alter_key),
            (_USE_WAREHOUSE, self._note),
            (stages.CREATE_FORMAT, self._create_format),
            (stages.CREATE_STAGE, self._create_stage),
            (stages.COPY_OUT, self.stages.copy_out),
            (stages.COPY_IN, self.stages.copy_in),
            (stages.REMOVE, self.stages.remove),
            (stages.LIST, self.stages.list_files),
            (tasks.CREATE_PROCEDURE, self._create_procedure),
            (tasks.CALL, self.tasks.call),
            (tasks.CREATE_TASK, self.tasks.create_task),
            (tasks.ALTER_TASK, self.tasks.alter_task),
            (tasks.EXECUTE_TASK, self.tasks.execute_task),
            (tasks.SHOW_TASKS, self.tasks.show_tasks),
        ]

    def run(self, session: Session, sql: str) -> Result:
        """Run a statement.

        Raises:
            ProgrammingError: the statement is refused, by the stand-in or by fakesnow.
        """
        statement = without_leading_comments(sql).rstrip().removesuffix(";").rstrip()
        with self._lock:
            for fault in self.faults:
                if fault.form.match(statement):
                    raise refused(fault.text, (fault.code, fault.state))
            for form, handler in self._handlers:
                if match := form.fullmatch(statement):
                    return handler(session, match)
            return self._run_on_fakesnow(session, statement)

    def _run_on_fakesnow(self, session: Session, statement: str) -> Result:
        if match := tasks.TASK_HISTORY.search(statement):
            statement = self.tasks.with_history(match)
        if _CREATE_TABLE.fullmatch(statement):
            statement = _IGNORED.sub("", statement)
        cursor = session.cursor()
        cursor.execute(statement)
        columns = tuple(column.name for column in cursor.description)
        return Result(columns, tuple(cursor.fetchall()))

    def _run_in(self, sql: str, database: str, schema: str) -> Result:
        """Run a statement of a procedure or a task, in the schema that it belongs to."""
        return self.run(Session(self.fakesnow.connect(database, schema)), sql)

    def _note(self, session: Session, match: re.Match[str]) -> Result:
        self.ledger.append((session.role, match[0]))
        return statements.done()

    def _create(self, session: Session, match: re.Match[str]) -> Result:
        """CREATE of what has no data; a database and a schema also hold what fakesnow keeps."""
        kind, name = match["kind"].lower(), match["name"]
        self.objects.create(session, match)
        if kind in ("database", "schema"):
            self._run_on_fakesnow(session, f"create {kind} if not exists {name}")
        if kind == "role":
            self.roles.add(name.upper())
        return self._allow(session, match)

    def _alter(self, session: Session, match: re.Match[str]) -> Result:
        self.objects.alter(session, match)
        return self._allow(session, match)

    def _allow(self, session: Session, match: re.Match[str]) -> Result:
        """Note a statement, and the locations if it is of a storage integration."""
        allowed = options_of(match["options"]).get("storage_allowed_locations")
        if allowed is not None:
            self.stages.allowed[match["name"].upper()] = allowed
        return self._note(session, match)

    def _create_format(self, session: Session, match: re.Match[str]) -> Result:
        self.objects.keep(session, "file format", match["name"], options_of(match["options"]))
        return self.stages.create_format(session, match)

    def _create_stage(self, session: Session, match: re.Match[str]) -> Result:
        self.objects.keep(session, "stage", match["name"], options_of(match["options"]))
        return self.stages.create_stage(session, match)

    def _create_procedure(self, session: Session, match: re.Match[str]) -> Result:
        options = tasks.properties_of(match)
        self.objects.keep(session, "procedure", match["name"], options)
        return self.tasks.create_procedure(session, match)

    def _use_role(self, session: Session, match: re.Match[str]) -> Result:
        session.role = self._role(match["name"])
        return statements.done()

    def _grant(self, session: Session, match: re.Match[str]) -> Result:
        if match["kind"].lower() == "role":
            self._role(match["name"])
        elif match["name"].upper() not in self.users:
            raise refused(f"User '{match['name']}' does not exist.", statements.NOT_FOUND)
        if match["kind"].lower() == "role":
            self.objects.grant(session, match, self._tables(match["on"] or ""))
        return self._note(session, match)

    def _show_grants(self, session: Session, match: re.Match[str]) -> Result:
        self._role(match["name"])
        return self.objects.show_grants(session, match)

    def _tables(self, on: str) -> list[str]:
        """Whole names of the tables of the schema that a grant on all tables names."""
        schema = on.split()[-1].upper() if on else ""
        names = self.fakesnow.duck_conn.execute(
            "select database_name || '.' || schema_name || '.' || table_name from duckdb_tables() "
            "where database_name || '.' || schema_name = ?",
            [schema],
        ).fetchall()
        return [name for (name,) in names]

    def _alter_key(self, session: Session, match: re.Match[str]) -> Result:
        keys = self.users.get(match["name"].upper())
        if keys is None:
            raise refused(f"User '{match['name']}' does not exist.", statements.NOT_FOUND)
        if match["unset"]:
            keys.pop(match["unset"].lower(), None)
        else:
            keys[match["set"].lower()] = load_der_public_key(base64.b64decode(match["key"]))
        return statements.done()

    def _role(self, name: str) -> str:
        if name.upper() not in self.roles:
            raise refused(
                f"Role '{name.upper()}' does not exist or not authorized.", statements.NOT_FOUND
            )
        return name.upper()
