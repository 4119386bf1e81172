"""One real Thrift Server for all tests of this folder, lakes on it, and whole nights on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from domains import RETAIL
from lakes import Lake, LakeMaker
from landings import written
from toys import project_with_toy

from sandbox import thrift_server
from shelfweek.domain import Domain, domain
from shelfweek.engine import Engine
from shelfweek.night import DbtProject
from shelfweek.project import PROJECT


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the server that all lakes share."""
    with thrift_server.running(tmp_path_factory.mktemp("server") / "lake") as server:
        yield server.port


def lake_maker(
    port: int, factory: pytest.TempPathFactory, domain: Domain, project: Path, prefix: str
) -> LakeMaker:
    """A context manager that gives a new lake of a domain in a folder.

    The names of schemas, which begin with a prefix, are used again once a lake is closed: parsing
    dbt's project takes seconds, and is done once for each name.
    """
    free: list[DbtProject] = []
    made: list[DbtProject] = []

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Lake]:
        if not free:
            engine = Engine(port=port, prefix=f"{prefix}{len(made)}_")
            made.append(DbtProject(engine, factory.mktemp("dbt"), folder=project))
            free.append(made[-1])
        dbt = free.pop()
        lake = Lake(dbt.engine, folder, dbt, domain)
        try:
            yield lake
        finally:
            lake.drop()
            free.append(dbt)

    return make


@pytest.fixture(scope="session")
def lake_in(port: int, tmp_path_factory: pytest.TempPathFactory) -> LakeMaker:
    """Lakes of retail."""
    return lake_maker(port, tmp_path_factory, RETAIL, PROJECT, "t")


@pytest.fixture(scope="session")
def toy_lake_in(port: int, tmp_path_factory: pytest.TempPathFactory) -> LakeMaker:
    """Lakes of toy, whose nights take a third of the time: for what holds in any domain."""
    project = project_with_toy(tmp_path_factory.mktemp("project") / "with toy")
    return lake_maker(port, tmp_path_factory, domain("toy", project), project, "toy")


@pytest.fixture
def fresh_lake(lake_in: LakeMaker, tmp_path: Path) -> Iterator[Lake]:
    """A new lake."""
    with lake_in(tmp_path / "lake") as lake:
        yield lake


@pytest.fixture
def fresh_toy_lake(toy_lake_in: LakeMaker, tmp_path: Path) -> Iterator[Lake]:
    """A new lake of toy."""
    with toy_lake_in(tmp_path / "lake") as lake:
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
