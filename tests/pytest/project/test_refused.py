"""docs/refused.md names every message, and no other.

A message is a text of at least three words. In the modules of shelfweek/ all such texts count,
wherever they stand, so that a new message cannot be forgotten; where a module also holds SQL or
descriptions, only what it raises. Placeholders are alike, whatever they are called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from shelfweek.project import PROJECT

PAGE = PROJECT / "docs" / "refused.md"

RAISED_ONLY = {
    # SQL, or figures for the report.
    "shelfweek/comparison.py", "shelfweek/engine.py", "shelfweek/lake.py",
    "shelfweek/report/retail.py", "shelfweek/trial.py",
    # Their messages are the names of dbt's tests, which are compared below.
    "shelfweek/rejects.py",
    # Regular expressions.
    "shelfweek/failures.py",
    # Descriptions for those who write a conf.
    "shelfweek/forms.py", "shelfweek/nightly_request.py",
    # What is done with a cluster, for the log.
    "shelfweek/clusters.py",
    "sandbox/__main__.py",
    "sandbox/lakes.py", "sandbox/run.py", "sandbox/thrift_server.py", "sandbox/trial.py",
}  # fmt: skip

TOLD_OTHERWISE = {
    # Steps of a run.
    "parse the models", "register the run", "sweep old folders",
    # Of Python: read, not told.
    "unexpected end of data", "a text over too many lines",
    # SQL.
    "select * from ( … ) … limit",
    # A state of the readiness check: docs/readiness.md.
    "does not fit",
}  # fmt: skip

WORDS = 3

SHORT = {
    "… … failed", "entry … is", "port …, database", "this should not happen",
    "a Parquet file", "compressed with bzip2", "… lacks …, a list",
}  # fmt: skip
"""Messages of fewer words, or of other modules, that the page names too."""


def plain(text: str) -> str:
    """A text with … for each placeholder, no line ends or backticks, up to a last colon."""
    text = re.sub(r"\{[^{}]*\}|<[^<>]*>", "…", text).replace("`", "")
    return re.sub(r"…+", "…", re.sub(r"\s+", " ", text)).strip(" ").rstrip(":…. ")


def is_message(text: str) -> bool:
    """Whether it is a text for a person."""
    is_prose = " " in text and not re.search(r"\\[wSs]|\(\?:", text)
    return is_prose and len(re.findall(r"\b[A-Za-z]{2,}\b", text)) >= WORDS


def text_of(node: ast.AST) -> str | None:
    """A string's text; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return plain(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
        return plain("".join(str(part) for part in parts))
    return None


def texts_in(tree: ast.AST) -> Iterator[str]:
    """All strings of a piece of Python but docstrings; a formatted one is one text."""
    skipped = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr | ast.Expr)
        for part in (ast.walk(node) if isinstance(node, ast.JoinedStr) else [node.value])
        if part is not node
        and (isinstance(node, ast.JoinedStr) or isinstance(node.value, ast.Constant))
    }
    for node in ast.walk(tree):
        if node not in skipped and (text := text_of(node)):
            yield text


def is_error(node: ast.AST) -> bool:
    """Whether an error is raised, or made to be raised later."""
    return isinstance(node, ast.Raise) or (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (node.func.id.endswith("Error") or node.func.id == "failed")
    )


def messages_of(path: Path) -> set[str]:
    """The messages of a Python module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = path.relative_to(PROJECT).as_posix()
    trees = [node for node in ast.walk(tree) if is_error(node)] if name in RAISED_ONLY else [tree]
    return {text for part in trees for text in texts_in(part)}


def messages_of_macros() -> set[str]:
    """What macros raise: the literals of each call, with … for what stands between them."""
    found = set()
    for path in (PROJECT / "macros").rglob("*.sql"):
        for call in re.findall(
            r"raise_compiler_error\((.*?)\)\s*-?%\}", path.read_text(encoding="utf-8"), re.DOTALL
        ):
            joined = re.sub(r'"\s*~\s*"', "", call)
            outside = re.split(r'"([^"]*)"', joined)
            parts = (p if n % 2 else "…" if p.strip() else "" for n, p in enumerate(outside))
            found.add(plain("".join(parts)))
    return found


@pytest.fixture(scope="module")
def messages() -> set[str]:
    """Everything that the code may tell of a night."""
    modules = [*(PROJECT / "shelfweek").glob("*.py"), *(PROJECT / "sandbox").glob("*.py")]
    told = {
        text
        for path in modules
        if path.parent.name == "shelfweek" or path.relative_to(PROJECT).as_posix() in RAISED_ONLY
        for text in messages_of(path)
    }
    told |= messages_of_macros()
    return {text for text in told if is_message(text)} - TOLD_OTHERWISE


def sentences_of_dbt() -> set[str]:
    """Singular tests as sentences, and the kinds of the others."""
    singular = {
        path.stem.removeprefix("assert_").replace("_", " ")
        for path in (PROJECT / "tests" / "dbt").rglob("assert_*.sql")
    }
    generic = set()
    for path in (PROJECT / "models").rglob("*.yml"):
        generic |= set(_generic_tests(yaml.safe_load(path.read_text(encoding="utf-8"))))
    return singular | {name.replace("_", " ") for name in generic}


def _generic_tests(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _generic_tests(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "data_tests":
                yield from (test if isinstance(test, str) else next(iter(test)) for test in value)
            else:
                yield from _generic_tests(value)


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    """The cells of the page's tables, without their headers."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in lines if line[:1] == "|"]
    return [row for row in cells if row[0] not in ("message", "---") and "---" not in row[0]]


@pytest.fixture(scope="module")
def told(rows: list[list[str]]) -> set[str]:
    """The messages that the page names."""
    spans = (re.findall(r"``(.+?)``(?!`)|`([^`]+)`", row[0]) for row in rows)
    return {plain(double or single) for found in spans for double, single in found}


def test_every_message_is_on_the_page(messages: set[str], told: set[str]) -> None:
    assert len(messages) > 80
    missing = [text for text in messages if not any(text in page for page in told)]
    assert not missing, "\n".join(sorted(missing))


def test_every_test_of_the_data_is_on_the_page(told: set[str]) -> None:
    assert not sorted(sentences_of_dbt() - told)


def test_the_page_names_no_other_message(messages: set[str], told: set[str]) -> None:
    """A message may be part of what is told: a fault stands behind its file."""
    known = messages | sentences_of_dbt() | SHORT
    surplus = [page for page in told if not any(text in page for text in known)]
    assert not surplus, "\n".join(sorted(surplus))


def test_every_message_has_a_cause_and_a_remedy(rows: list[list[str]]) -> None:
    assert not [row for row in rows if len(row) != 3 or not all(row)]
