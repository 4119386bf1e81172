"""Copies of the dbt project, for tests that change or extend it."""

from __future__ import annotations

import shutil
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
