"""The guard of target athena: what could reach Spark's tables stops a run. Needs no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from served_lakes import LAKE_BUCKET, SETTINGS, create_buckets_and_work_group

from sandbox import athena, aws
from sandbox.aws import Aws
from shelfweek.project import PROJECT

pytest.importorskip("dbt.adapters.athena", reason="dbt-athena is not installed: make test does it")

VIEW = "model.shelfweek.stock_alerts"

# Runs the guard on a manifest; returns its complaint, or nothing where it lets the run pass.
Guard = Callable[[Manifest], str]


@pytest.fixture(scope="module")
def account() -> Iterator[Aws]:
    """An account with buckets and an empty Glue."""
    with aws.running(athena.SERVICES) as account:
        create_buckets_and_work_group(account)
        account.client("glue").create_database(DatabaseInput={"Name": "retail_serving"})
        yield account


@pytest.fixture
def settings(account: Aws, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The variables of target athena, set; a test may change them."""
    put_settings(monkeypatch, account)
    return monkeypatch


def put_settings(patch: pytest.MonkeyPatch, account: Aws) -> None:
    """Set the variables of target athena."""
    for name, text in {**account.environment, **SETTINGS}.items():
        patch.setenv(name, text)
    patch.delenv("SHELFWEEK_SCHEMA", raising=False)


def invoke(
    folder: Path,
    *arguments: str,
    manifest: Manifest | None = None,
    on_event: Callable[[Any], None] = lambda event: None,
) -> Any:
    """Run dbt on target athena in this process."""
    return dbtRunner(manifest=manifest, callbacks=[on_event]).invoke(
        [
            *("--log-level", "none", "--log-path", str(folder / "logs"), *arguments),
            *("--target", "athena", "--target-path", str(folder / "target")),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT / "profiles")),
        ]
    )


@pytest.fixture(scope="module")
def parsed(account: Aws, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The project as target athena sees it."""
    with pytest.MonkeyPatch.context() as patch:
        put_settings(patch, account)
        result = invoke(tmp_path_factory.mktemp("parsed"), "parse")
    assert isinstance(result.result, Manifest), result.exception
    return result.result


@pytest.fixture
def manifest(parsed: Manifest) -> Manifest:
    """A copy of it that a test may spoil."""
    return deepcopy(parsed)


@pytest.fixture
def guard(settings: pytest.MonkeyPatch, tmp_path: Path) -> Guard:
    """Run the guard."""

    def run(manifest: Manifest) -> str:
        told: list[str] = []
        # What macros see of the nodes is made from them once, when they are parsed.
        manifest.build_flat_graph()  # type: ignore[no-untyped-call]
        result = invoke(
            tmp_path, "run-operation", "refuse_to_touch_the_lake",
            manifest=manifest, on_event=lambda event: told.append(event.info.msg),
        )  # fmt: skip
        return "" if result.success else "\n".join(told)

    return run


def test_every_run_begins_with_the_guard(manifest: Manifest) -> None:
    hooks = [node for id, node in manifest.nodes.items() if id.startswith("operation.")]
    assert [hook.raw_code for hook in hooks] == [
        "{{ refuse_a_strange_schema() }}",
        "{{ refuse_to_touch_the_lake() }}",
    ]
    assert all("on-run-start" in hook.tags for hook in hooks)


def test_the_project_as_it_is_passes(guard: Guard, manifest: Manifest) -> None:
    assert guard(manifest) == ""


@pytest.mark.parametrize("materialized", ["table", "incremental"])
def test_a_model_that_is_no_view_is_refused(
    guard: Guard, manifest: Manifest, materialized: str
) -> None:
    manifest.nodes[VIEW].config.materialized = materialized
    assert f"model stock_alerts is a {materialized}" in guard(manifest)


@pytest.mark.parametrize("layer", ["raw", "staging", "intermediate", "marts", "MARTS"])
def test_a_schema_of_sparks_is_refused(guard: Guard, manifest: Manifest, layer: str) -> None:
    manifest.nodes[VIEW].schema = f"retail_{layer}"
    assert f"model stock_alerts would go to retail_{layer}" in guard(manifest)


@pytest.mark.parametrize("name", ["SHELFWEEK_ATHENA_DATA_DIR", "SHELFWEEK_ATHENA_STAGING_DIR"])
@pytest.mark.parametrize(
    "folder", ["s3://lake/lake", "s3://lake/lake/marts/", "s3://lake/", "s3a://lake/lake/marts/x"]
)
def test_a_folder_of_the_lake_is_refused(
    guard: Guard, manifest: Manifest, settings: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    settings.setenv(name, folder)
    complaint = guard(manifest)
    assert "lie within each other" in complaint
    assert "s3://lake/lake/" in complaint


def test_a_folder_beside_the_lake_passes(
    guard: Guard, manifest: Manifest, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("SHELFWEEK_ATHENA_DATA_DIR", f"s3://{LAKE_BUCKET}/lake-serving/")
    assert guard(manifest) == ""


def test_without_the_lakes_name_nothing_runs(
    guard: Guard, manifest: Manifest, settings: pytest.MonkeyPatch
) -> None:
    settings.delenv("SHELFWEEK_LAKE")
    assert "SHELFWEEK_LAKE" in guard(manifest)


def test_a_table_in_a_views_place_is_refused(
    guard: Guard, manifest: Manifest, account: Aws
) -> None:
    glue = account.client("glue")
    table = {
        "Name": "stock_alerts",
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {"Location": "s3://lake/lake/marts/fct_weekly_sales_inventory"},
    }
    glue.create_table(DatabaseName="retail_serving", TableInput=table)
    try:
        assert "retail_serving.stock_alerts is a table" in guard(manifest)
    finally:
        glue.delete_table(DatabaseName="retail_serving", Name="stock_alerts")
