"""The policies that a CloudFormation template writes, and what none of them may say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

EVERY_ACTION = re.compile(r"([\w-]+:)?\*")
"""`*` and `s3:*`."""

EVERY_RESOURCE = re.compile(r"(arn(:[^:]*){4}:([a-z-]+:)?)?\*.*")
"""`*`, and ARNs of every bucket, say: `arn:aws:s3:::*`."""

PARAMETER = re.compile(r"\$\{[^}]*\}")


class _Loader(yaml.SafeLoader):
    """Takes `!Sub` and the like for what they are written over."""


def _written_over(loader: _Loader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _written_over)


def resources(template: Path) -> dict[str, Any]:
    """The template's resources; `!Ref X` is read as `X`."""
    return _section(template, "Resources")


def parameters(template: Path) -> dict[str, Any]:
    """The template's parameters."""
    return _section(template, "Parameters")


def _section(template: Path, name: str) -> dict[str, Any]:
    content = yaml.load(template.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    found: dict[str, Any] = content[name]
    return found


def too_wide(template: Path) -> list[str]:
    """What the template's policies allow for everything or everybody; see `faults_of`."""
    found = list(statements(resources(template)))
    assert found
    return [fault for statement in found for fault in faults_of(statement)]


def statements(content: Any) -> Iterator[dict[str, Any]]:
    """All statements of all policies below a part of a template."""
    if isinstance(content, dict):
        if "Effect" in content:
            yield content
        for value in content.values():
            yield from statements(value)
    elif isinstance(content, list):
        for value in content:
            yield from statements(value)


def faults_of(statement: dict[str, Any]) -> list[str]:
    """What an allowing statement leaves open: every action, every resource, or everybody."""
    if statement["Effect"] != "Allow":
        return []
    faults = [f"{key} allows the rest" for key in statement if key.startswith("Not")]
    faults += [text for text in _texts(statement.get("Action")) if EVERY_ACTION.fullmatch(text)]
    faults += [text for text in _texts(statement.get("Resource")) if EVERY_RESOURCE.fullmatch(text)]
    return faults + [text for text in _texts(statement.get("Principal")) if "*" in text]


def _texts(value: Any) -> list[str]:
    """The strings in a value that may be one, a list of them, or a mapping to either."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if value is None else [PARAMETER.sub("parameter", str(value))]
