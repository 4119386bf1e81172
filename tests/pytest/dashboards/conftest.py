"""A real Superset on the tables of a small lake, and a headless Chromium."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from dashboards import browser as chromium
from dashboards.client import Client
from dashboards.tables import write_tables

from sandbox.dashboard.__main__ import READ_ONLY
from sandbox.dashboard.server import (
    PROGRAMS,
    Dashboards,
    environment,
    import_assets,
    only_server,
    serving,
)
from shelfweek.contract import PROJECT


@dataclass(frozen=True)
class Site:
    """A Superset that runs, and what it shows.

    Attributes:
        file: the DuckDB file.
        variables: environment of its processes.
        imported: what the first import said.
    """

    dashboards: Dashboards
    home: Path
    file: Path
    variables: Mapping[str, str]
    imported: str


def publish_for_superset(exported: Path, file: Path) -> None:
    """Publish with the DuckDB that Superset has: it cannot read files of a newer one."""
    subprocess.run(  # noqa: S603
        [PROGRAMS / "python", "-m", "sandbox.dashboard.publish", exported, file],
        cwd=PROJECT,
        check=True,
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Superset on the tables of a lake with 55 whole weeks and a running one."""
    if not (PROGRAMS / "gunicorn").exists():
        pytest.skip("Superset is not installed: make dashboard installs it")
    folder = tmp_path_factory.mktemp("superset")
    home = folder / "home"
    file = folder / "retail.duckdb"
    publish_for_superset(write_tables(folder / "exported"), file)
    variables = environment(home, f"duckdb:///{file}?{READ_ONLY}")
    with only_server(home):
        imported = import_assets(variables)
        with serving(home, variables) as dashboards:
            yield Site(dashboards, home, file, variables, imported)


@pytest.fixture(scope="session")
def viewer(site: Site) -> Client:
    """The viewer's session on the REST API."""
    return Client.login(site.dashboards.url, "viewer", site.dashboards.password)


@pytest.fixture(scope="session")
def admin(site: Site) -> Client:
    """The administrator's session on the REST API."""
    return Client.login(site.dashboards.url, "admin", site.dashboards.admin_password)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[chromium.Browser]:
    """A headless Chromium with a new profile."""
    if not (chromium.CHROMIUM and chromium.CHROMEDRIVER):
        pytest.skip("Chromium or chromedriver is not installed")
    with chromium.running(tmp_path) as window:
        yield window
