"""The importer prepares Superset's own database once for each version, and again if it is new."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import create_engine, text

from shelfweek.project import PROJECT


@pytest.fixture(scope="module")
def importer() -> ModuleType:
    """superset/import_assets.py; what it needs of Superset it imports later."""
    path = PROJECT / "superset" / "import_assets.py"
    spec = importlib.util.spec_from_file_location("import_assets", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_database_that_was_replaced_is_not_prepared(importer: ModuleType, tmp_path: Path) -> None:
    """The marker beside it is not enough, nor is a database of another version."""
    marker = tmp_path / "prepared"
    database = create_engine(f"sqlite:///{tmp_path / 'superset.db'}")
    marker.write_text("1.0", encoding="utf-8")
    assert not importer.is_prepared(database, marker, "1.0")
    with database.begin() as connection:
        connection.execute(text("create table dashboards (id int)"))
    assert importer.is_prepared(database, marker, "1.0")
    assert not importer.is_prepared(database, marker, "1.1")
    marker.unlink()
    assert not importer.is_prepared(database, marker, "1.0")
