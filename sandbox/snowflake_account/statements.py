"""Reading the statements that fakesnow does not know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from snowflake.connector.errors import ProgrammingError

_COMMENTS = re.compile(r"(\s*--[^\n]*(\n|$)|\s*/\*.*?\*/)+", re.DOTALL)
_OPTION_TOKEN = re.compile(r"\s*('(?:[^'\\]|''|\\.)*'|[\w.@/%$:-]+|[(),=])", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

# Codes and states as Snowflake gives them.
SYNTAX = (1003, "42000")
NOT_FOUND = (2003, "02000")
EXISTS = (1030, "22000")
BAD_DATA = (100080, "22000")
REMOTE = (91003, "55000")


@dataclass(frozen=True)
class Result:
    """What a statement gives: the names of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def pattern(text: str) -> re.Pattern[str]:
    """A statement's form, in any case; a dot also stands for the end of a line."""
    return re.compile(text, re.IGNORECASE | re.DOTALL)


def done(text: str = "Statement executed successfully.") -> Result:
    """The one line that a statement without rows gives."""
    return Result(("status",), ((text,),))


def refused(text: str, code: tuple[int, str] = SYNTAX) -> ProgrammingError:
    """The error that the client gets."""
    return ProgrammingError(msg=text, errno=code[0], sqlstate=code[1])


def without_leading_comments(sql: str) -> str:
    """The statement from its first word on."""
    return _COMMENTS.sub("", sql, count=1).strip() if _COMMENTS.match(sql) else sql.strip()


def options_of(text: str) -> dict[str, Any]:
    """Read `name = value ...`: values are words, numbers, strings, lists, or options in brackets.

    Names and words come in lower case, strings as they are.
    """
    options, rest = _options(_tokens(text))
    if rest:
        raise refused(f"syntax error: unexpected {rest[0]!r} in {text.strip()!r}")
    return options


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _OPTION_TOKEN.match(text, position)
        if match is None:
            raise refused(f"syntax error at {text[position:].strip()!r}")
        tokens.append(match[1])
        position = match.end()
    return tokens


def _options(tokens: list[str]) -> tuple[dict[str, Any], list[str]]:
    options: dict[str, Any] = {}
    while len(tokens) >= 3 and tokens[1] == "=":
        name = tokens[0].lower()
        options[name], tokens = _value(tokens[2:])
        tokens = tokens[1:] if tokens[:1] == [","] else tokens
    return options, tokens


def _value(tokens: list[str]) -> tuple[Any, list[str]]:
    if tokens[0] != "(":
        return _scalar(tokens[0]), tokens[1:]
    if len(tokens) > 2 and tokens[2] == "=":
        options, tokens = _options(tokens[1:])
        return options, tokens[1:]
    end = tokens.index(")")
    return [_scalar(item) for item in tokens[1:end] if item != ","], tokens[end + 1 :]


def _scalar(token: str) -> Any:
    if token.startswith("'"):
        return unquoted(token)
    return int(token) if token.isdigit() else token.lower()


def unquoted(literal: str) -> str:
    """The text of a string literal, its escapes resolved."""
    return re.sub(
        r"''|\\(.)",
        lambda match: _ESCAPES.get(match[1], match[1]) if match[1] else "'",
        literal[1:-1],
        flags=re.DOTALL,
    )


def bracketed(text: str) -> tuple[str, str]:
    """Split a text that begins with a bracket into what is inside and what follows."""
    depth = 0
    for match in re.finditer(r"'(?:[^'\\]|''|\\.)*'|[()]", text, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            return text[1 : match.start()], text[match.end() :]
    raise refused("syntax error: a bracket is not closed")


def separated(text: str) -> list[str]:
    """The parts of a list that commas separate; a comma in brackets or quotes does not count."""
    parts, depth, begin = [], 0, 0
    for match in re.finditer(r"'(?:[^'\\]|''|\\.)*'|[(),]", text, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if match[0] == "," and depth == 0:
            parts.append(text[begin : match.start()].strip())
            begin = match.end()
    last = text[begin:].strip()
    return [*parts, last] if last else parts


def full_name(name: str, database: str | None, schema: str | None) -> str:
    """The name with database and schema, in upper case as Snowflake keeps it.

    Raises:
        ProgrammingError: the name lacks a part that the session has not chosen either.
    """
    parts = name.upper().split(".")
    parts = [database or "", schema or ""][: 3 - len(parts)] + parts
    if not all(parts):
        raise refused(f"Cannot resolve {name}: the session has no current database and schema.")
    return ".".join(parts)
