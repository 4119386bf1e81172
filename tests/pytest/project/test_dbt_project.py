"""The dbt project as a run uses it, several of them in one process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shelfweek.engine import Engine
from shelfweek.night import DbtProject


def test_a_run_sees_its_own_engine_and_leaves_the_environment_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFWEEK_THRIFT_PORT", "10000")
    monkeypatch.delenv("SHELFWEEK_SCHEMA", raising=False)
    before = dict(os.environ)
    project = DbtProject(Engine(schema="another"), tmp_path)
    project.parse(progress=lambda what, seconds: None)
    assert project.manifest is not None
    assert project.manifest.nodes["model.shelfweek.dim_store"].schema == "another_marts"
    assert dict(os.environ) == before
