"""Procedures in Python and tasks: what Snowflake runs by itself."""

from __future__ import annotations

import json
import re
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from snowflake.connector.errors import ProgrammingError

from . import statements
from .session import Session
from .statements import (
    Result,
    bracketed,
    full_name,
    options_of,
    pattern,
    refused,
    separated,
    unquoted,
)

_NAME = r"(?P<name>[\w.]+)"
CREATE_PROCEDURE = pattern(
    rf"create\s+or\s+replace\s+procedure\s+{_NAME}\s*(?P<rest>\(.*?)\$\$(?P<source>.*)\$\$\s*"
)
CALL = pattern(rf"call\s+{_NAME}\s*(?P<arguments>\(.*)")
CREATE_TASK = pattern(
    rf"create\s+or\s+replace\s+task\s+{_NAME}\s+(?P<options>.*?)\sas\s+(?P<body>.*)"
)
ALTER_TASK = pattern(rf"alter\s+task\s+{_NAME}\s+(?P<state>resume|suspend)")
EXECUTE_TASK = pattern(rf"execute\s+task\s+{_NAME}")
SHOW_TASKS = pattern(r"show\s+tasks\s+like\s+'(?P<pattern>\w+)'\s+in\s+schema\s+(?P<schema>\S+)")
TASK_HISTORY = pattern(
    r"table\(\s*[\w.]*information_schema\.task_history\(\s*task_name\s*=>\s*'(?P<task>\w+)'\s*\)\s*\)"
)

# What Snowflake refuses in a procedure that runs with its owner's rights.
_CALLERS_ONLY = pattern(r"(?P<verb>list|remove)\s.*")

_PYTHON_FAILED = (100357, "P0000")


@dataclass(frozen=True)
class Procedure:
    """A Python procedure.

    Attributes:
        defaults: its arguments in their order, with their values if left out.
        is_of_caller: whether it runs with the rights and in the schema of its caller.
    """

    name: str
    handler: Callable[..., Any]
    defaults: dict[str, Any]
    is_of_caller: bool


@dataclass
class Task:
    """A task, as SHOW TASKS tells it."""

    name: str
    options: dict[str, Any]
    body: str
    state: str = "suspended"


@dataclass(frozen=True)
class TaskRun:
    """One run of a task, as TASK_HISTORY tells it; times in UTC."""

    task: str
    state: str
    began: datetime
    ended: datetime
    error: str | None


class DataFrame:
    """What `session.sql` gives; the statement runs on `collect`."""

    def __init__(self, collect: Callable[[], list[Any]]) -> None:
        self.collect = collect


class HandlerSession:
    """The one method of a Snowpark session that the stand-in has."""

    def __init__(self, run: Callable[[str], Result]) -> None:
        self._run = run

    def sql(self, statement: str) -> DataFrame:
        """A statement, to be run on `collect`."""
        return DataFrame(lambda: list(self._run(statement).rows))


@dataclass
class Tasks:
    """The account's procedures and tasks. run: runs a statement in a session of its own.

    notified: integrations that were told of a failed run, with the text.
    """

    run: Callable[[str, str, str], Result]
    procedures: dict[str, Procedure] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    runs: list[TaskRun] = field(default_factory=list)
    notified: list[tuple[str, str]] = field(default_factory=list)

    def create_procedure(self, session: Session, match: re.Match[str]) -> Result:
        """CREATE PROCEDURE in Python: its source is compiled at once."""
        name = full_name(match["name"], session.database, session.schema)
        arguments, properties = bracketed(match["rest"])
        handler = re.search(r"\bhandler\s*=\s*'(\w+)'", properties)
        if not re.search(r"\blanguage\s+python\b", properties) or not handler:
            raise refused("the stand-in runs procedures in Python only")
        module = types.ModuleType("_udf_code")
        # A procedure is code that its owner has brought here to be run.
        exec(compile(match["source"], "_udf_code.py", "exec"), module.__dict__)  # noqa: S102
        self.procedures[name] = Procedure(
            name,
            getattr(module, handler[1]),
            dict(map(_parameter, separated(arguments))),
            is_of_caller=bool(re.search(r"\bexecute\s+as\s+caller\b", properties)),
        )
        return statements.done(f"Function {match['name'].upper()} successfully created.")

    def call(self, session: Session, match: re.Match[str]) -> Result:
        """CALL, with arguments by name or by place. The result is JSON, as of a variant."""
        name = full_name(match["name"], session.database, session.schema)
        procedure = self.procedures.get(name)
        if procedure is None:
            raise refused(f"Unknown user-defined function {name}", statements.NOT_FOUND)
        values = dict(procedure.defaults)
        given, _ = bracketed(match["arguments"])
        for place, text in enumerate(separated(given)):
            by_name = re.fullmatch(r"(\w+)\s*=>\s*(.*)", text, re.DOTALL)
            argument = by_name[1].lower() if by_name else list(values)[place]
            if argument not in values:
                raise refused(f"{name} has no argument {argument}")
            values[argument] = _literal(by_name[2] if by_name else text)
        database, schema, short = name.split(".")
        if procedure.is_of_caller:
            database, schema = session.database or "", session.schema or ""

        def run(sql: str) -> Result:
            if not procedure.is_of_caller and (refusal := _CALLERS_ONLY.fullmatch(sql)):
                raise refused(f"Unsupported statement type '{refusal['verb'].upper()}_FILES'.")
            return self.run(sql, database, schema)

        try:
            answer = procedure.handler(HandlerSession(run), *values.values())
        except Exception as error:
            text = "".join(traceback.format_exception(error))
            raise refused(
                f"Python Interpreter Error:\n{text} in function {short} with handler "
                f"{procedure.handler.__name__}",
                _PYTHON_FAILED,
            ) from error
        return Result((short,), ((json.dumps(answer, indent=2),),))

    def create_task(self, session: Session, match: re.Match[str]) -> Result:
        """CREATE TASK: suspended, as in Snowflake."""
        name = full_name(match["name"], session.database, session.schema)
        self.tasks[name] = Task(name, options_of(match["options"]), match["body"])
        return statements.done(f"Task {match['name'].upper()} successfully created.")

    def alter_task(self, session: Session, match: re.Match[str]) -> Result:
        """ALTER TASK RESUME and SUSPEND."""
        self._task(session, match["name"]).state = {
            "resume": "started",
            "suspend": "suspended",
        }[match["state"].lower()]
        return statements.done()

    def execute_task(self, session: Session, match: re.Match[str]) -> Result:
        """EXECUTE TASK: here the task has ended when the statement returns, whatever came of it."""
        task = self._task(session, match["name"])
        began, error = datetime.now(UTC), None
        database, schema, short = task.name.split(".")
        try:
            self.run(task.body, database, schema)
        except ProgrammingError as failure:
            error = str(failure.msg)
            self.notified.append((task.options["error_integration"].upper(), error))
        state = "FAILED" if error else "SUCCEEDED"
        self.runs.append(TaskRun(short, state, began, datetime.now(UTC), error))
        return statements.done(f"Task {short} is scheduled to run immediately.")

    def show_tasks(self, session: Session, match: re.Match[str]) -> Result:
        """SHOW TASKS LIKE ... IN SCHEMA ..."""
        names = (f"{match['schema']}.{match['pattern']}".upper(),)
        found = [self.tasks[name] for name in names if name in self.tasks]
        columns = (
            *("name", "warehouse", "schedule", "state", "definition", "error_integration"),
            "comment",
        )
        return Result(
            columns,
            tuple(
                (
                    task.name.rsplit(".", 1)[-1],
                    task.options["warehouse"].upper(),
                    task.options["schedule"],
                    task.state,
                    task.body,
                    task.options["error_integration"].upper(),
                    task.options.get("comment", ""),
                )
                for task in found
            ),
        )

    def with_history(self, match: re.Match[str]) -> str:
        """A query whose TASK_HISTORY is a list of values."""
        runs = [
            f"('{run.task}', '{run.state}', timestamp '{run.began:%Y-%m-%d %H:%M:%S.%f}', "
            f"timestamp '{run.ended:%Y-%m-%d %H:%M:%S.%f}', {_quoted(run.error)})"
            for run in self.runs
            if run.task == match["task"].upper()
        ]
        nothing = "(null, null, null, null, null)"
        table = (
            f"(select * from (values {', '.join([*runs, nothing])}) as t(name, state, "
            "scheduled_time, completed_time, error_message) where name is not null)"
        )
        return match.string[: match.start()] + table + match.string[match.end() :]

    def _task(self, session: Session, name: str) -> Task:
        full = full_name(name, session.database, session.schema)
        if full not in self.tasks:
            raise refused(f"Task '{full}' does not exist or not authorized.", statements.NOT_FOUND)
        return self.tasks[full]


def properties_of(match: re.Match[str]) -> dict[str, Any]:
    """What DESCRIBE PROCEDURE tells of a procedure's settings."""
    _, properties = bracketed(match["rest"])
    told = dict(re.findall(r"\b(\w+)\s*=\s*('[^']*'|\([^)]*\))", properties))
    rights = re.search(r"\bexecute\s+as\s+(\w+)", properties)
    return {
        **{name: text.strip("()'") for name, text in told.items() if name != "comment"},
        "execute as": rights[1].upper() if rights else "OWNER",
        "body": match["source"],
    }


def _parameter(text: str) -> tuple[str, Any]:
    match = re.fullmatch(r"(\w+)\s+\w+(?:\s+default\s+(.*))?", text, re.IGNORECASE | re.DOTALL)
    if match is None or match[2] is None:
        raise refused(f"the stand-in wants a default for the argument {text}")
    return match[1].lower(), _literal(match[2])


def _literal(text: str) -> Any:
    if text.lower() == "null":
        return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if text.startswith("'"):
        return unquoted(text)
    raise refused(f"syntax error: {text!r} is no literal")


def _quoted(text: str | None) -> str:
    return "null" if text is None else "'" + text.replace("'", "''") + "'"
