"""What went wrong, in one line, out of what Spark, Hive and dbt say about it."""

from __future__ import annotations

import re

from pyhive import exc

MAX_LENGTH = 400

# What dbt writes around the message of the engine, or of a macro.
_DBT_LINES = re.compile(r"(?:Encountered an error[^:]*: *)?(?:\w+ )?\w+ Error(?: in .*)?")
# Frames, and what follows a message: the statement, its plan, the macros that led to it.
_END = re.compile(r"at \S+\(|\.\.\. \d+ more|== |[+:]- |'\w+ |> in |> called by |Driver stacktrace")
# These only carry the message of what they wrap; other classes tell something ("FileNotFound").
_WRAPPERS = re.compile(
    r"(?:Error running query: )?(?:\[[A-Z_.]+\] )?"
    r"(?:org\.apache\.(?:spark|hive|hadoop\.hive)\.[\w.$]+:\s*)+"
)
_PACKAGES = re.compile(r"\b(?:org|java|javax|scala|com|sun)\.(?:[a-z][\w$]*\.)+(?=[A-Z])")


def reason_of(text: str) -> str:
    """Return the root cause in a text with Java's stack traces, or with dbt's frame around it.

    Names of classes lose their packages.
    """
    _, caused, cause = text.rpartition("Caused by: ")
    lines = [line.strip() for line in (cause if caused else text).splitlines()]
    told: list[str] = []
    for line in lines:
        plain = _WRAPPERS.sub("", line)
        if _END.match(plain):
            break
        if plain and not _DBT_LINES.fullmatch(plain):
            told.append(plain)
        elif told:
            break
    reason = _PACKAGES.sub("", " ".join(told)) or "no reason was given"
    return reason if len(reason) <= MAX_LENGTH else reason[: MAX_LENGTH - 1] + "…"


def reason_of_server(error: exc.OperationalError) -> str:
    """Return what the Thrift Server says of a statement; PyHive puts its answer around it."""
    status = getattr(error.args[0], "status", None) if error.args else None
    return reason_of(str(getattr(status, "errorMessage", None) or error))
