"""superset_config.py as Superset's own Python reads it, without Superset."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.dashboard.server import PROGRAMS, SUPERSET, environment

pytestmark = pytest.mark.dashboards

READ = """
import json
import superset_config as settings
print(json.dumps({name: getattr(settings, name) for name in (
    "SESSION_COOKIE_SECURE", "ENABLE_PROXY_FIX", "TALISMAN_CONFIG", "DATA_CACHE_CONFIG",
)}))
"""


def read_settings(home: Path, **changes: str) -> dict[str, Any]:
    """Some settings, with other variables than those of a laptop; an empty one is not set.

    Raises:
        subprocess.CalledProcessError: they are refused.
    """
    if not (PROGRAMS / "python").exists():
        pytest.skip("Superset is not installed: make test installs it")
    variables = {**environment(home, "duckdb://"), **changes, "PYTHONPATH": str(SUPERSET)}
    done = subprocess.run(  # noqa: S603
        [PROGRAMS / "python", "-c", READ],
        env={name: text for name, text in variables.items() if text},
        capture_output=True,
        text=True,
        check=True,
    )
    read: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return read


@pytest.mark.parametrize(("plain_http", "is_secure"), [("", True), ("1", False)])
def test_cookies_go_through_tls_unless_it_is_ones_own_machine(
    tmp_path: Path, plain_http: str, is_secure: bool
) -> None:
    read = read_settings(tmp_path, SUPERSET_PLAIN_HTTP=plain_http)
    assert read["SESSION_COOKIE_SECURE"] is is_secure
    assert read["ENABLE_PROXY_FIX"] is is_secure
    assert read["TALISMAN_CONFIG"]["session_cookie_secure"] is is_secure
    assert read["TALISMAN_CONFIG"]["force_https"] is is_secure


def test_caches_that_others_could_write_are_never_read(tmp_path: Path) -> None:
    """They are pickles."""
    caches = tmp_path / "cache"
    caches.mkdir()
    caches.chmod(0o777)
    (caches / "planted").write_bytes(b"pickle")
    read = read_settings(tmp_path)
    assert Path(read["DATA_CACHE_CONFIG"]["CACHE_DIR"]).parent == caches
    assert caches.stat().st_mode & 0o777 == 0o700
    assert not list(caches.iterdir())


def test_our_own_caches_are_kept(tmp_path: Path) -> None:
    read_settings(tmp_path)
    (tmp_path / "cache" / "ours").write_bytes(b"pickle")
    read_settings(tmp_path)
    assert (tmp_path / "cache" / "ours").exists()
