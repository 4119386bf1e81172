"""Bring Superset's own database to the state of the repository: schema, roles, dashboards, users.

Runs in Superset's environment, with the variables of superset_config.py and these:

    SUPERSET_DATABASE_URI      where the dashboards' tables are; without a password
    SUPERSET_VIEWER_PASSWORD   if set, user `viewer` exists with it and sees the dashboards
    SUPERSET_ADMIN_PASSWORD    if set, user `admin` exists with it and may do everything;
                               if not, nobody can log in as one that an earlier import made

Running it again changes nothing. What the repository no longer has is removed; what people made in
Superset by themselves stays.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import inspect
from sqlalchemy.engine import Engine
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError

ASSETS = Path(__file__).parent / "assets"
DATABASE_URI = "SUPERSET_DATABASE_URI"
VIEWER_ROLE = "Dashboard viewer"
IMPORTER = "importer"
MORE_VIEWER_PERMISSIONS = {("can_csv", "Superset"), ("can_read", "SecurityRestApi")}
"""What viewers may do beyond Superset's own list for viewing: download a chart's data as CSV."""


class AssetsError(Exception):
    """The assets cannot be imported; the message says why."""


def read_assets(folder: Path, database_uri: str) -> dict[str, dict[str, Any]]:
    """Return the assets by file name, the database's URI filled in.

    Raises:
        AssetsError: a file is no YAML, or the URI is none or carries a password.
    """
    try:
        url = make_url(database_uri)
    except ArgumentError as error:
        raise AssetsError(f"{DATABASE_URI} is not a SQLAlchemy URI") from error
    if url.password:
        raise AssetsError(f"{DATABASE_URI} must not carry a password: use the environment's role")
    assets = {}
    for path in sorted(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        try:
            assets[name] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise AssetsError(f"{name} is no YAML: {error}") from error
        if name.startswith("databases/"):
            assets[name]["sqlalchemy_uri"] = database_uri
    return assets


def is_prepared(database: Engine, marker: Path, version: str) -> bool:
    """Whether this version has prepared Superset's own database, and it is still that database."""
    is_marked = marker.exists() and marker.read_text(encoding="utf-8") == version
    # It may have been deleted, or another one was named.
    return is_marked and inspect(database).has_table("dashboards")


def prepare(home: Path, version: str) -> None:
    """Create or upgrade Superset's own database; nothing to do if this version has done it."""
    from flask_migrate import upgrade
    from superset.extensions import appbuilder, security_manager

    from superset import app as superset_package
    from superset import db

    marker = home / "prepared"
    if is_prepared(db.engine, marker, version):
        return
    upgrade(directory=str(Path(superset_package.__file__).parent / "migrations"))
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    marker.write_text(version, encoding="utf-8")


def import_assets(assets: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Import the assets, and remove those of earlier imports that are no longer among them.

    Returns:
        Number of databases, datasets, charts and dashboards, and how many were removed.

    Raises:
        AssetsError: they do not fit Superset's schemas; nothing was imported.
    """
    from superset.commands.exceptions import CommandInvalidError
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    from superset import db, security_manager

    command = ImportAssetsCommand(
        {name: yaml.safe_dump(content, sort_keys=False) for name, content in assets.items()}
    )
    try:
        command.validate()
    except CommandInvalidError as error:
        raise AssetsError(f"invalid assets: {error.normalized_messages()}") from error
    with override_user(_importer()):
        command.run()
    uuids = {str(content["uuid"]) for content in assets.values() if "uuid" in content}
    removed = 0
    for item in list(_managed()):
        if str(item.uuid) not in uuids:
            db.session.delete(item)
            removed += 1
    _set_viewer_role(security_manager, uuids)
    db.session.commit()
    kinds = ("databases", "datasets", "charts", "dashboards")
    counts = {kind: sum(name.startswith(f"{kind}/") for name in assets) for kind in kinds}
    return {**counts, "removed": removed}


def set_user(name: str, role: str, password: str) -> None:
    """Let a user exist, and log in, with this password and this role alone."""
    from superset import db, security_manager

    user = security_manager.find_user(username=name)
    if user is None:
        user = security_manager.add_user(
            name, name.capitalize(), "Shelfweek", _address(name),
            security_manager.find_role(role), password=password,
        )  # fmt: skip
    else:
        security_manager.reset_password(user.id, password)
    user.roles = [security_manager.find_role(role)]
    user.active = True
    db.session.commit()


def deactivate(name: str) -> None:
    """Let nobody log in as a user whom an earlier import made; one made by hand stays as it is."""
    from superset import db, security_manager

    user = security_manager.find_user(username=name)
    if user and user.email == _address(name):
        user.active = False
        db.session.commit()


def _address(name: str) -> str:
    """The mail address of a user whom an import makes: it tells them from others."""
    return f"{name}@localhost"


def _importer() -> Any:
    """The user in whose name assets are imported; nobody can log in as it."""
    from superset import security_manager

    if security_manager.find_user(username=IMPORTER) is None:
        set_user(IMPORTER, "Admin", secrets.token_urlsafe(32))
    user = security_manager.find_user(username=IMPORTER)
    user.active = False
    return user


def _managed() -> Iterator[Any]:
    """What earlier imports brought, dependents first."""
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.core import Database
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    from superset import db

    for model in (Dashboard, Slice, SqlaTable, Database):
        yield from db.session.query(model).filter(model.is_managed_externally.is_(True))


def _set_viewer_role(security_manager: Any, uuids: set[str]) -> None:
    """Let the role view charts, and give it every imported dashboard."""
    from superset.models.dashboard import Dashboard

    role = security_manager.add_role(VIEWER_ROLE)
    wanted = security_manager.PUBLIC_ROLE_PERMISSIONS | MORE_VIEWER_PERMISSIONS
    found = (security_manager.find_permission_view_menu(*pair) for pair in sorted(wanted))
    role.permissions = [permission for permission in found if permission]
    for item in _managed():
        if isinstance(item, Dashboard) and str(item.uuid) in uuids:
            item.roles = [role]


def main() -> int:
    """Import and return the exit code."""
    logging.disable(logging.WARNING)
    if DATABASE_URI not in os.environ:
        print(f"error: {DATABASE_URI} is not set", file=sys.stderr)
        return 1
    try:
        assets = read_assets(ASSETS, os.environ[DATABASE_URI])
        from superset.app import create_app

        app = create_app()
        with app.app_context():
            prepare(Path(os.environ["SUPERSET_HOME"]), app.config["VERSION_STRING"])
            counts = import_assets(assets)
            if password := os.environ.get("SUPERSET_VIEWER_PASSWORD"):
                set_user("viewer", VIEWER_ROLE, password)
            if password := os.environ.get("SUPERSET_ADMIN_PASSWORD"):
                set_user("admin", "Admin", password)
            else:
                deactivate("admin")
    except AssetsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
