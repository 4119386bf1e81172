"""The importer brings Superset to the state of the repository, again and again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from dashboards.client import Client
from dashboards.site import Site

from sandbox.dashboard.server import (
    PROGRAMS,
    SUPERSET,
    DashboardError,
    import_assets,
    only_server,
)

pytestmark = pytest.mark.dashboards

KINDS = ("database", "dataset", "chart", "dashboard")


def counts(admin: Client) -> dict[str, int]:
    """Number of databases, datasets, charts and dashboards that the administrator sees."""
    return {kind: int(admin.call(f"/api/v1/{kind}/").json["count"]) for kind in KINDS}


def numbers(said: str) -> list[int]:
    """The numbers in the importer's last line."""
    return [int(word) for word in said.replace(",", "").split() if word.isdigit()]


def run_importer(variables: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a copy of the importer that reads the assets of another folder."""
    return subprocess.run(  # noqa: S603
        [PROGRAMS / "python", folder / "import_assets.py"],
        cwd=folder,
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_again_changes_nothing(site: Site, admin: Client) -> None:
    """Same numbers, nothing twice."""
    before = counts(admin)
    again = import_assets(site.variables)
    assert again == site.imported
    assert numbers(again) == [*before.values(), 0]
    assert counts(admin) == before


def test_what_the_repository_no_longer_has_is_removed(
    site: Site, admin: Client, tmp_path: Path
) -> None:
    """A dashboard that is gone goes with its charts; the next import brings it back."""
    before = counts(admin)
    copy = tmp_path / "superset"
    shutil.copytree(SUPERSET / "assets", copy / "assets")
    shutil.copy(SUPERSET / "import_assets.py", copy)
    dashboard = copy / "assets" / "dashboards" / "can_i_trust_it.yaml"
    layout = yaml.safe_load(dashboard.read_text(encoding="utf-8"))["position"].values()
    gone = {item["meta"]["uuid"] for item in layout if isinstance(item, dict) and "meta" in item
            and "uuid" in item["meta"]}  # fmt: skip
    dashboard.unlink()
    for chart in (copy / "assets" / "charts").iterdir():
        if yaml.safe_load(chart.read_text(encoding="utf-8"))["uuid"] in gone:
            chart.unlink()
    done = run_importer(site.variables, copy)
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout)[-1] == len(gone) + 1
    after = counts(admin)
    assert after["dashboard"] == before["dashboard"] - 1
    assert after["chart"] == before["chart"] - len(gone)
    import_assets(site.variables)
    assert counts(admin) == before


def test_invalid_assets_change_nothing(site: Site, admin: Client, tmp_path: Path) -> None:
    """The importer says what is wrong before it imports anything."""
    before = counts(admin)
    copy = tmp_path / "superset"
    shutil.copytree(SUPERSET / "assets", copy / "assets")
    shutil.copy(SUPERSET / "import_assets.py", copy)
    chart = copy / "assets" / "charts" / "sales_amount.yaml"
    asset = yaml.safe_load(chart.read_text(encoding="utf-8"))
    chart.write_text(yaml.safe_dump({**asset, "uuid": "no uuid"}), encoding="utf-8")
    done = run_importer(site.variables, copy)
    assert done.returncode == 1
    assert "sales_amount.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert counts(admin) == before


def test_nobody_is_admin_unless_asked_for(site: Site, admin: Client) -> None:
    """A start without that password takes the login of an earlier one away."""
    password = {"username": "admin", "password": site.variables["SUPERSET_ADMIN_PASSWORD"]}
    without = {name: text for name, text in site.variables.items() if "_ADMIN_" not in name}
    before = counts(admin)
    try:
        assert import_assets(without) == site.imported
        anybody = Client(site.dashboards.url, "")
        answer = anybody.call("/api/v1/security/login", {**password, "provider": "db"})
        assert answer.status == 401
    finally:
        import_assets(site.variables)
    assert counts(admin) == before


def test_a_uri_with_a_password_is_refused(site: Site) -> None:
    """A password would be stored in Superset's database."""
    variables = {**site.variables, "SUPERSET_DATABASE_URI": "awsathena+rest://key:pass@host/x"}
    with pytest.raises(DashboardError, match="must not carry a password"):
        import_assets(variables)


def test_no_start_without_a_secret_key(site: Site) -> None:
    """There is no default."""
    variables = {**site.variables, "SUPERSET_SECRET_KEY": ""}
    with pytest.raises(DashboardError, match="SUPERSET_SECRET_KEY is not set"):
        import_assets(variables)


def test_a_second_superset_is_told_where_the_first_is(site: Site) -> None:
    """Two on one folder would share one database."""
    with pytest.raises(DashboardError, match=site.dashboards.url), only_server(site.home):
        pass


def test_no_secret_is_written_to_a_file(site: Site) -> None:
    """Passwords and keys are in the environment only."""
    secrets = [text for name, text in site.variables.items() if name.endswith(("_KEY", "_PASSWORD"))
               and name.startswith("SUPERSET_")]  # fmt: skip
    assert len(secrets) == 3
    for path in site.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), path
