"""The dashboards' YAML holds together, names every metric, and carries no secret."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from shelfweek.project import PROJECT
from superset import describe_assets
from superset.metric_catalog import read_catalog

ASSETS = PROJECT / "superset" / "assets"
FILTERS = {
    "year": "year_number",
    "week": "week_number",
    "region": "region",
    "store": "store_desc",
    "category": "category_name",
    "brand": "brand_name",
}
Assets = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def assets() -> Assets:
    """All YAML files by their name under superset/assets."""
    return {
        path.relative_to(ASSETS).as_posix(): yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(ASSETS.rglob("*.yaml"))
    }


@pytest.fixture(scope="module")
def manifest() -> Any:
    """The project as dbt sees it on target athena."""
    return describe_assets.parse_project()


def of_kind(assets: Assets, kind: str) -> Assets:
    """The databases, datasets, charts or dashboards."""
    return {name: asset for name, asset in assets.items() if name.startswith(f"{kind}/")}


def datasets_by_uuid(assets: Assets) -> Assets:
    """The datasets by their uuid."""
    return {dataset["uuid"]: dataset for dataset in of_kind(assets, "datasets").values()}


def charts_on(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """What a dashboard's layout says of its charts."""
    return [
        item["meta"]
        for item in dashboard["position"].values()
        if isinstance(item, dict) and item["type"] == "CHART"
    ]


def metrics_of(chart: dict[str, Any]) -> set[str]:
    """The saved metrics that a chart names."""
    params = chart["params"]
    named = [
        params.get("metric"),
        params.get("timeseries_limit_metric"),
        *params.get("metrics", []),
    ]
    return {name for name in named if name}


def columns_of(chart: dict[str, Any]) -> set[str]:
    """The columns that a chart names."""
    params = chart["params"]
    groups = params.get("groupby") or []
    groups = [groups] if isinstance(groups, str) else groups
    filters = [each["subject"] for each in params["adhoc_filters"] if "subject" in each]
    return {name for name in (params.get("x_axis"), *groups, *filters) if name}


def texts(value: object) -> Iterator[str]:
    """All keys and texts of a YAML document."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield str(key)
            yield from texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from texts(child)
    else:
        yield str(value)


def test_every_asset_has_a_uuid_of_its_own(assets: Assets) -> None:
    """A uuid is what an import finds the asset by."""
    found = [asset["uuid"] for name, asset in assets.items() if name != "metadata.yaml"]
    assert all(str(uuid.UUID(text)) == text for text in found)
    assert not [text for text, number in Counter(found).items() if number > 1]


def test_every_asset_is_managed_by_the_repository(assets: Assets) -> None:
    """The importer removes only what has this mark."""
    unmarked = [
        name
        for name, asset in assets.items()
        if name != "metadata.yaml" and asset["is_managed_externally"] is not True
    ]
    assert not unmarked


def test_references_lead_somewhere(assets: Assets) -> None:
    """Datasets name the database, charts a dataset, dashboards charts and datasets."""
    databases = {database["uuid"] for database in of_kind(assets, "databases").values()}
    datasets = datasets_by_uuid(assets)
    charts = {chart["uuid"]: chart for chart in of_kind(assets, "charts").values()}
    assert {dataset["database_uuid"] for dataset in datasets.values()} == databases
    assert {chart["dataset_uuid"] for chart in charts.values()} <= set(datasets)
    placed = []
    for dashboard in of_kind(assets, "dashboards").values():
        for meta in charts_on(dashboard):
            placed.append(meta["uuid"])
            assert charts[meta["uuid"]]["slice_name"] == meta["sliceName"]
        for each in dashboard["metadata"]["native_filter_configuration"]:
            for target in each["targets"]:
                if target:
                    columns = datasets[target["datasetUuid"]]["columns"]
                    assert target["column"]["name"] in {c["column_name"] for c in columns}
    assert sorted(placed) == sorted(charts), "every chart stands on one dashboard"


def test_charts_name_columns_and_metrics_of_their_dataset(assets: Assets) -> None:
    """A misspelt name would be an error on the page."""
    datasets = datasets_by_uuid(assets)
    for name, chart in of_kind(assets, "charts").items():
        dataset = datasets[chart["dataset_uuid"]]
        assert metrics_of(chart) <= {m["metric_name"] for m in dataset["metrics"]}, name
        assert columns_of(chart) <= {c["column_name"] for c in dataset["columns"]}, name


def test_filters_of_the_weekly_dashboards(assets: Assets) -> None:
    """Year, week, region, store, category and brand; the newest complete week is chosen first."""
    weekly = [
        dashboard
        for dashboard in of_kind(assets, "dashboards").values()
        if dashboard["slug"] != "can-i-trust-it"
    ]
    assert len(weekly) == 3
    for dashboard in weekly:
        filters = dashboard["metadata"]["native_filter_configuration"]
        found = {
            each["id"].removeprefix("NATIVE_FILTER-"): each["targets"][0]["column"]["name"]
            for each in filters
        }
        assert found == FILTERS
        chosen = [each["name"] for each in filters if each.get("requiredFirst")]
        assert chosen == ["Year", "Week"]


def test_every_metric_is_charted_with_its_definition(assets: Assets) -> None:
    """Each of the catalog, in the description of the charts that show it."""
    for metric in read_catalog().values():
        showing = [
            chart
            for chart in of_kind(assets, "charts").values()
            if metric.column_name in metrics_of(chart)
        ]
        assert showing, metric.column_name
        for chart in showing:
            assert metric.definition in chart["description"], chart["slice_name"]


def test_texts_have_not_drifted_from_manifest_and_catalog(manifest: Any) -> None:
    """If this fails: python -m superset.describe_assets."""
    drifted = describe_assets.drifted(manifest)
    assert not [str(path) for path in drifted]


def test_no_metric_is_without_a_use(assets: Assets) -> None:
    """In a chart, or as the order of a filter."""
    used = {(chart["dataset_uuid"], m) for chart in of_kind(assets, "charts").values()
            for m in metrics_of(chart)}  # fmt: skip
    for dashboard in of_kind(assets, "dashboards").values():
        for each in dashboard["metadata"]["native_filter_configuration"]:
            for target in each["targets"]:
                if target:
                    used.add((target["datasetUuid"], each["controlValues"].get("sortMetric")))
                    used.add((target["datasetUuid"], each.get("sortMetric")))
    unused = [
        (name, metric["metric_name"])
        for name, dataset in of_kind(assets, "datasets").items()
        for metric in dataset["metrics"]
        if (dataset["uuid"], metric["metric_name"]) not in used
    ]
    assert not unused


def test_exposures_name_what_the_dashboards_read(assets: Assets, manifest: Any) -> None:
    """So that dbt's lineage tells who is hit by a change."""
    datasets = datasets_by_uuid(assets)
    charts = {chart["uuid"]: chart for chart in of_kind(assets, "charts").values()}
    exposures = {
        each.url.strip("/").rpartition("/")[2]: each for each in manifest.exposures.values()
    }
    for dashboard in of_kind(assets, "dashboards").values():
        read = [datasets[charts[meta["uuid"]]["dataset_uuid"]] for meta in charts_on(dashboard)]
        tables = {
            table
            for dataset in read
            for table in (
                re.findall(r"retail_serving\.(\w+)", dataset["sql"] or "")
                or [dataset["table_name"]]
            )
        }
        named = exposures[dashboard["slug"]].depends_on.nodes
        assert {node.rpartition(".")[2] for node in named} == tables, dashboard["slug"]


def test_every_column_and_metric_has_a_label_and_a_description(assets: Assets) -> None:
    """Nobody should have to guess what a name means."""
    bare = [
        (name, item.get("column_name") or item.get("metric_name"))
        for name, dataset in of_kind(assets, "datasets").items()
        for item in (*dataset["columns"], *dataset["metrics"])
        if not item["verbose_name"] or not item["description"]
    ]
    assert not bare


def test_no_address_and_no_credential_stands_in_a_file(assets: Assets) -> None:
    """Where the tables are comes from the environment alone."""
    for name, asset in assets.items():
        for text in texts(asset):
            assert "://" not in text, name
            assert not re.search(r"password|secret|token|access.?key", text, re.IGNORECASE), name
