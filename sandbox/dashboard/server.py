"""Superset on this machine: its own database and caches in one folder, on the loopback address.

Secrets are drawn anew at each start and reach its processes through their environment only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import processes
from sandbox.processes import HOST, comes_up, free_port, last_lines
from shelfweek.project import PROJECT

SUPERSET = PROJECT / "superset"
PROGRAMS = SUPERSET / ".venv" / "bin"
START_TIMEOUT = 600.0
FIRST_DASHBOARD = "how-did-the-week-go"
PORT = 8088
"""Where the dashboards' addresses in dbt's docs lead to; another one is taken if it is not free."""


class DashboardError(RuntimeError):
    """Superset cannot be set up or does not come up; the text says why."""


@dataclass(frozen=True)
class Dashboards:
    """A Superset that runs.

    Attributes:
        admin_password: none where nobody may change everything.
    """

    url: str
    password: str = field(repr=False)
    admin_password: str | None = field(default=None, repr=False)

    @property
    def first_page(self) -> str:
        """Address of the first dashboard; asks for the login."""
        return f"{self.url}/superset/dashboard/{FIRST_DASHBOARD}/"


def environment(home: Path, database_uri: str, *, has_admin: bool = False) -> dict[str, str]:
    """What a process of Superset needs in its environment.

    home: folder of its own database and caches. database_uri: where the lake's tables are.
    has_admin: let user admin log in, who may change everything.
    """
    admin = {"SUPERSET_ADMIN_PASSWORD": secrets.token_urlsafe(24)} if has_admin else {}
    foreign = ("SUPERSET_", "FLASK_", "PYTHONPATH")
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith(foreign)},
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}",
        "SUPERSET_CONFIG_PATH": str(SUPERSET / "superset_config.py"),
        "SUPERSET_HOME": str(home),
        "SUPERSET_PLAIN_HTTP": "1",
        "SUPERSET_DATABASE_URI": database_uri,
        "SUPERSET_SECRET_KEY": secrets.token_urlsafe(48),
        "SUPERSET_VIEWER_PASSWORD": secrets.token_urlsafe(12),
        **admin,
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
    }


def require_environment() -> None:
    """Make sure that Superset is installed.

    Raises:
        DashboardError: it is not.
    """
    if not (PROGRAMS / "gunicorn").exists():
        raise DashboardError(f"{PROGRAMS} is missing: make dashboard installs it")


@contextlib.contextmanager
def only_server(home: Path) -> Iterator[None]:
    """Keep a second Superset off the same folder.

    Raises:
        DashboardError: one is up; the text has its address.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            address = home / "address"
            where = address.read_text(encoding="utf-8") if address.exists() else "starting"
            raise DashboardError(
                f"the dashboards of this lake are up already ({where}): "
                "press Ctrl-C there first, and a new start shows the newest nights"
            ) from error
        try:
            yield
        finally:
            (home / "address").unlink(missing_ok=True)


def import_assets(variables: Mapping[str, str]) -> str:
    """Bring Superset's own database to the state of the repository, and say what it holds.

    Raises:
        DashboardError: the assets or the settings are refused.
    """
    # In a folder of its own, so that no file beside it hides a package.
    done = subprocess.run(  # noqa: S603
        [PROGRAMS / "python", SUPERSET / "import_assets.py"],
        cwd=variables["SUPERSET_HOME"],
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise DashboardError("the dashboards were not imported:\n" + "\n".join(lines[-15:]))
    return done.stdout.strip().splitlines()[-1]


@contextlib.contextmanager
def serving(home: Path, variables: Mapping[str, str]) -> Iterator[Dashboards]:
    """Serve for the length of a `with` block; the pages answer when the block begins.

    Raises:
        DashboardError: Superset does not come up.
    """
    port = free_port(PORT)
    url = f"http://{HOST}:{port}"
    log = home / "superset.log"
    command: list[str | Path] = [
        *(PROGRAMS / "gunicorn", "superset.app:create_app()", "--no-control-socket"),
        *("--bind", f"{HOST}:{port}", "--workers", "1", "--worker-class", "gthread"),
        *("--threads", "8", "--timeout", "120", "--graceful-timeout", "5"),
    ]
    with processes.running(command, log, cwd=home, env=variables) as process:
        if not comes_up(process, lambda: _is_healthy(url), START_TIMEOUT):
            raise DashboardError(f"Superset does not come up:\n{last_lines(log, 15)}")
        (home / "address").write_text(url, encoding="utf-8")
        yield Dashboards(
            url, variables["SUPERSET_VIEWER_PASSWORD"], variables.get("SUPERSET_ADMIN_PASSWORD")
        )


def _is_healthy(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310
        return bool(answer.status == 200)
