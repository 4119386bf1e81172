"""One real Thrift Server for all tests of this folder, lakes on it, and whole nights on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lakes import Lake, LakeMaker
from landings import written

from sandbox import thrift_server
from shelfweek.engine import Engine
from shelfweek.night import DbtProject


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the server that all lakes share."""
    with thrift_server.running(tmp_path_factory.mktemp("server") / "lake") as server:
        yield server.port


@pytest.fixture(scope="session")
def lake_in(port: int, tmp_path_factory: pytest.TempPathFactory) -> LakeMaker:
    """A context manager that gives a new lake in a folder.

    The names of schemas are used again once a lake is closed: parsing dbt's project takes seconds,
    and is done once for each name.
    """
    free: list[DbtProject] = []
    made: list[DbtProject] = []

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Lake]:
        if not free:
            engine = Engine(port=port, prefix=f"t{len(made)}_")
            made.append(DbtProject(engine, tmp_path_factory.mktemp("dbt")))
            free.append(made[-1])
        project = free.pop()
        lake = Lake(project.engine, folder, project)
        try:
            yield lake
        finally:
            lake.drop()
            free.append(project)

    return make


@pytest.fixture
def fresh_lake(lake_in: LakeMaker, tmp_path: Path) -> Iterator[Lake]:
    """A new lake."""
    with lake_in(tmp_path / "lake") as lake:
        yield lake


@pytest.fixture(params=[True, False], ids=["manifest", "no manifest"])
def landing(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A whole night with a manifest, and one without."""
    return written(tmp_path, manifest=request.param)


@pytest.fixture
def by_names(tmp_path: Path) -> Path:
    """A whole night without a manifest."""
    return written(tmp_path, manifest=False)


@pytest.fixture
def by_manifest(tmp_path: Path) -> Path:
    """A whole night with a manifest."""
    return written(tmp_path, manifest=True)
