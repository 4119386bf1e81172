"""Show the dashboards of a lake in a browser: `python -m sandbox.dashboard --help`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from rich.console import Console

from sandbox import places
from sandbox.command import Parser, add_debug, add_domain, run_command
from sandbox.dashboard.server import (
    PROGRAMS,
    DashboardError,
    environment,
    import_assets,
    only_server,
    require_environment,
    serving,
)
from sandbox.dashboard.views import VIEW_NAMES, rendered
from sandbox.lakes import expect_lake, expect_published
from sandbox.run import engine_of, last_lake, only_run
from sandbox.thrift_server import ThriftServerError
from shelfweek.domain import Domain
from shelfweek.engine import EngineError
from shelfweek.lake import LakeError, export
from shelfweek.night import NightError
from shelfweek.project import PROJECT

# Nobody may write through it, and SQL cannot reach files beside it.
READ_ONLY = "access_mode=read_only&enable_external_access=false&lock_configuration=true"


def main(arguments: list[str] | None = None) -> int:
    """Serve the dashboards until Ctrl-C, and return the exit code."""
    options = _parser().parse_args(arguments)
    return run_command(
        partial(_show, options.lake, options.domain, has_admin=options.admin),
        (DashboardError, EngineError, LakeError, NightError, ThriftServerError),
        "Nothing runs any more.",
        code_when_stopped=0,
        is_debug=options.debug,
        log_folder=options.lake / "run",
    )


def _show(lake: Path, domain: Domain, console: Console, *, has_admin: bool) -> None:
    began = time.monotonic()
    require_environment()
    uri = os.environ.get("SUPERSET_DATABASE_URI")
    home = PROJECT / ".run" / "dashboard" if uri else lake / "dashboard"
    if not uri:
        expect_lake(lake, domain)
    with only_server(home):
        if not uri:
            file = home / "retail.duckdb"
            publish_lake(console, lake, domain, file)
            uri = f"duckdb:///{file}?{READ_ONLY}"
        variables = environment(home, uri, has_admin=has_admin)
        with console.status("bringing the dashboards up to date"):
            step = time.monotonic()
            imported = import_assets(variables)
        console.print(f"{time.monotonic() - step:8.1f} s  import {imported}")
        step = time.monotonic()
        with serving(home, variables) as dashboards:
            console.print(f"{time.monotonic() - step:8.1f} s  start Superset")
            up = f"Up after {time.monotonic() - began:.0f} s: {dashboards.first_page}"
            console.print(f"\n{up}", soft_wrap=True)
            console.print(f"  user viewer, password {dashboards.password}")
            if has_admin:
                console.print(f"  user admin, password {dashboards.admin_password}")
            console.print("The password holds until Ctrl-C, which stops everything.")
            signal.pause()


def publish_lake(console: Console, lake: Path, domain: Domain, file: Path) -> None:
    """Put the lake's published tables of a domain into the file, unless it has them already.

    Raises:
        LakeError: no night was published to the lake.
        DashboardError: its tables cannot be written.
    """
    marker = file.with_suffix(".state")
    if file.exists() and marker.exists() and marker.read_text(encoding="utf-8") == _state(lake):
        console.print("            the lake is as it was: its tables are published already")
        return
    exported = file.parent / "exported"
    shutil.rmtree(exported, ignore_errors=True)
    try:
        with only_run(lake):
            with engine_of(console, lake) as engine:
                began = time.monotonic()
                expect_published(engine, lake, domain)
                with console.status("exporting the published tables"):
                    export(engine, domain, f"file:{exported}")
                console.print(f"{time.monotonic() - began:8.1f} s  export the published tables")
            # The engine may write to the catalog when it ends; a run may as soon as we let it.
            state = _state(lake)
        began = time.monotonic()
        # In Superset's environment: the DuckDB that reads the file writes it.
        done = subprocess.run(  # noqa: S603
            [PROGRAMS / "python", "-m", "sandbox.dashboard.publish", exported, file],
            cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise DashboardError(f"the tables were not published:\n{done.stderr[-2000:]}")
        console.print(f"{time.monotonic() - began:8.1f} s  publish them to {file}", soft_wrap=True)
    finally:
        shutil.rmtree(exported, ignore_errors=True)
    marker.write_text(state, encoding="utf-8")


def _state(lake: Path) -> str:
    """What changes whenever a run or a rollback has moved a pointer, or a view has changed."""
    catalog = sorted(path for path in (lake / "metastore").rglob("*") if path.is_file())
    files = [f"{path.name} {path.stat().st_mtime_ns}" for path in catalog]
    return "\n".join([*files, *map(rendered, VIEW_NAMES)])


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m sandbox.dashboard",
        description=(
            "Show the dashboards of a lake in a browser, until Ctrl-C. With SUPERSET_DATABASE_URI "
            "in the environment they show that database (Athena, say) instead of a lake's folder."
        ),
    )
    parser.add_argument(
        "--lake",
        type=places.lake,
        default=last_lake(),
        help="folder of the lake (default: %(default)s)",
    )
    add_domain(parser, only_default_has="dashboards")
    parser.add_argument(
        "--admin", action="store_true", help="make a login that may change everything, too"
    )
    add_debug(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
