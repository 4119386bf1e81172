"""The command that shows the dashboards of a lake, without Superset and Spark."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from domains import RETAIL
from rich.console import Console

from sandbox.dashboard import __main__ as dashboard
from sandbox.dashboard.server import environment


def test_an_administrators_password_is_drawn_only_when_asked_for(tmp_path: Path) -> None:
    """Without it the importer lets nobody log in as admin."""
    assert "SUPERSET_ADMIN_PASSWORD" not in environment(tmp_path, "duckdb://")
    first, second = (environment(tmp_path, "duckdb://", has_admin=True) for _ in range(2))
    assert first["SUPERSET_ADMIN_PASSWORD"] != second["SUPERSET_ADMIN_PASSWORD"]


@dataclass
class FakeLake:
    """A lake without an engine.

    Attributes:
        waiting_runs: that begin as soon as nobody holds the lake.
        changes: how often its catalog was written.
        published: how often its tables were published for the dashboards.
    """

    folder: Path
    waiting_runs: int = 0
    changes: int = 0
    published: list[Path] = field(default_factory=list)

    def change(self, file: str) -> None:
        """Write a file of the catalog, each time a second later."""
        path = self.folder / "metastore" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.changes += 1
        os.utime(path, (self.changes, self.changes))

    @contextlib.contextmanager
    def held(self, _lake: Path) -> Iterator[None]:
        """Keep runs off the lake for the length of a `with` block."""
        yield
        if self.waiting_runs:
            self.waiting_runs -= 1
            self.change("log")

    @contextlib.contextmanager
    def engine(self, _console: Console, _lake: Path) -> Iterator[None]:
        """Write to the catalog at the end, as Derby does."""
        yield
        self.change("checkpoint")

    def publish(self, command: list[Any], **_options: Any) -> subprocess.CompletedProcess[str]:
        """Write the dashboards' file."""
        self.published.append(command[-1])
        command[-1].parent.mkdir(exist_ok=True)
        command[-1].touch()
        return subprocess.CompletedProcess(command, 0)


def test_tables_are_published_again_when_a_run_came_after_the_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run does while the tables are being published is not in them."""
    lake = FakeLake(tmp_path / "lake", waiting_runs=1)
    lake.change("log")
    monkeypatch.setattr(dashboard, "only_run", lake.held)
    monkeypatch.setattr(dashboard, "engine_of", lake.engine)
    monkeypatch.setattr(dashboard, "expect_published", lambda *_: None)
    monkeypatch.setattr(dashboard, "export", lambda *_: None)
    monkeypatch.setattr(subprocess, "run", lake.publish)
    file = lake.folder / "dashboard" / "retail.duckdb"
    for times in (1, 2, 2):
        dashboard.publish_lake(Console(quiet=True), lake.folder, RETAIL, file)
        assert len(lake.published) == times
