"""A real Superset on the tables of a small lake, and a headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboards import browser as chromium
from dashboards import site as superset
from dashboards.client import Client
from dashboards.site import Site

from sandbox.dashboard.server import PROGRAMS


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Superset on the tables of a lake with 55 whole weeks and a running one."""
    if not (PROGRAMS / "gunicorn").exists():
        pytest.skip("Superset is not installed: make test installs it")
    with superset.running(tmp_path_factory.mktemp("superset")) as site:
        yield site


@pytest.fixture(scope="session")
def viewer(site: Site) -> Client:
    """The viewer's session on the REST API."""
    return Client.login(site.dashboards.url, "viewer", site.dashboards.password)


@pytest.fixture(scope="session")
def admin(site: Site) -> Client:
    """The administrator's session on the REST API."""
    assert site.dashboards.admin_password is not None
    return Client.login(site.dashboards.url, "admin", site.dashboards.admin_password)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[chromium.Browser]:
    """A headless Chromium with a new profile."""
    if not (chromium.CHROMIUM and chromium.CHROMEDRIVER):
        pytest.skip("Chromium or chromedriver is not installed")
    with chromium.running(tmp_path) as window:
        yield window
