"""Copies of the dbt project, for tests that change or extend it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from shelfweek.project import PROJECT

_OF_DBT = ("macros", "models", "profiles", "seeds", "tests/dbt")


def copy_project(folder: Path) -> Path:
    """Copy what dbt reads of the project to a new folder, and return it."""
    folder.mkdir(parents=True)
    shutil.copy(PROJECT / "dbt_project.yml", folder)
    for name in _OF_DBT:
        shutil.copytree(PROJECT / name, folder / name)
    return folder


def change(folder: Path, changes: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    """Change the files of a copy, each by pairs of the old text and the new; return its folder."""
    for file, pairs in changes.items():
        text = (folder / file).read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text, (file, old)
            text = text.replace(old, new)
        (folder / file).write_text(text, encoding="utf-8")
    return folder
