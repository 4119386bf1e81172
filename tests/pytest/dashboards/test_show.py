"""The command that shows the dashboards of a lake, without Superset and Spark."""

from __future__ import annotations

from pathlib import Path

from sandbox.dashboard.server import environment


def test_an_administrators_password_is_drawn_only_when_asked_for(tmp_path: Path) -> None:
    """Without it the importer lets nobody log in as admin."""
    assert "SUPERSET_ADMIN_PASSWORD" not in environment(tmp_path, "duckdb://")
    first, second = (environment(tmp_path, "duckdb://", has_admin=True) for _ in range(2))
    assert first["SUPERSET_ADMIN_PASSWORD"] != second["SUPERSET_ADMIN_PASSWORD"]
