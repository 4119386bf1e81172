"""A real Superset on small tables."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dashboards.tables import WHOLE, Shape, write_tables

from sandbox.dashboard.__main__ import READ_ONLY
from sandbox.dashboard.server import (
    PROGRAMS,
    Dashboards,
    environment,
    import_assets,
    only_server,
    serving,
)
from shelfweek.project import PROJECT


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


@contextlib.contextmanager
def running(folder: Path, shape: Shape = WHOLE) -> Iterator[Site]:
    """Run Superset on tables of a shape for the length of a `with` block."""
    home, file = folder / "home", folder / "retail.duckdb"
    publish_for_superset(write_tables(folder / "exported", shape), file)
    variables = environment(home, f"duckdb:///{file}?{READ_ONLY}", has_admin=True)
    with only_server(home):
        imported = import_assets(variables)
        with serving(home, variables) as dashboards:
            yield Site(dashboards, home, file, variables, imported)
