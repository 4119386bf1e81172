"""The project's laws: what must be documented, how models are named, which layer may read which."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode, ModelNode, SeedNode, SingularTestNode
from domains import RETAIL
from served_lakes import SETTINGS

from shelfweek.project import PROJECT
from superset.metric_catalog import ROLL_UPS, read_catalog

FACT = "fct_weekly_sales_inventory"

OPERATIONAL_TABLES = {"rejected_rows", "load_row_counts", "load_coverage", "runs"}
"""Published tables that tell about loads, not about sales and stock."""

NO_METRICS = {
    "year_number", "week_number", "week_start_date", "week_end_date", "store_key", "product_key",
    "is_complete_week", "days_in_week", "stock_as_of_date",
}  # fmt: skip
"""What else the fact has: its key, the progress of the week, and the day of the count."""

UNITS = {"units", "money", "money per unit", "fraction", "days", "weeks"}
DIRECTIONS = {"up", "down", "neutral"}

NAMES = {
    "staging": r"(stg|base)_{folder}__[a-z_]+",
    # The last word tells what was done. A candidate for an operational table carries its name.
    "intermediate": rf"int_([a-z_]+_([a-z]+ed|current)|{'|'.join(sorted(OPERATIONAL_TABLES))})",
    "marts": rf"(fct|dim)_[a-z_]+|{'|'.join(sorted(OPERATIONAL_TABLES))}",
    # Readers meet these names in Athena and on dashboards.
    "serving": r"[a-z]+(_[a-z]+)+",
}
"""How the models of a layer are named; folder: the source or subject area."""

READABLE_LAYERS = {
    "staging": {"raw", "run", "published", "staging"},
    "intermediate": {"run", "published", "staging", "intermediate"},
    "marts": {"published", "staging", "intermediate", "marts"},
    "serving": {"published", "serving"},
}
"""What the models of a layer may select from: layers, and the last words of sources' names."""


def parsed(target: str, folder: Path) -> Manifest:
    """The project as dbt sees it on a target; needs no engine."""
    with pytest.MonkeyPatch.context() as patch:
        for name, text in SETTINGS.items():
            patch.setenv(name, text)
        result = dbtRunner().invoke(
            [
                *("--log-level", "none", "--log-path", str(folder / "logs"), "parse"),
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT / "profiles")),
                *("--target", target, "--target-path", str(folder / "target")),
            ]
        )
    assert result.success, result.exception
    assert isinstance(result.result, Manifest)
    return result.result


@pytest.fixture(scope="session")
def lake_manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """What Spark builds."""
    return parsed("local", tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="session")
def serving_manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """What Athena shows."""
    return parsed("athena", tmp_path_factory.mktemp("athena"))


@pytest.fixture(params=["lake", "serving"])
def manifest(request: pytest.FixtureRequest) -> Manifest:
    """Either of them."""
    chosen: Manifest = request.getfixturevalue(f"{request.param}_manifest")
    return chosen


def models_of(manifest: Manifest) -> list[ModelNode]:
    """Return all models."""
    models = [node for node in manifest.nodes.values() if isinstance(node, ModelNode)]
    assert models
    return models


def layer_of(model: ModelNode) -> str:
    """Return the first folder under models/."""
    return str(model.fqn[1])


def selected_columns(sql: str) -> list[str] | None:
    """Return the names in a model's last select list; none where a macro writes it."""
    code = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|--[^\n]*", " x ", sql, flags=re.DOTALL)
    lists = re.findall(r"^select\n(.*?)^from\b", code, flags=re.DOTALL | re.MULTILINE)
    if not lists:
        return None
    flat = re.sub(r"\s+x\s+", " ", lists[-1])
    while "(" in flat:
        flat = re.sub(r"\([^()]*\)", "", flat)
    return [re.split(r"\s|\.", column.strip())[-1] for column in flat.split(",")]


def test_selected_columns_are_read_from_the_last_select() -> None:
    """The helper sees through comments, casts and templates."""
    sql = """
with a as (

    select z from {{ ref("b") }}

)

select
    -- keys, dates
    a.store_key,
    cast(a.qty as decimal(28, 4)) as sales_qty,
    a.day > date_sub(a.newest, {{ var("keep_days", 1) }}) as is_new
from a
"""
    assert selected_columns(sql) == ["store_key", "sales_qty", "is_new"]
    assert selected_columns('{{ parsed_rows("sales") }}') is None


def test_every_model_says_its_grain(manifest: Manifest) -> None:
    """A description begins with what one row is."""
    silent = [m.name for m in models_of(manifest) if not m.description.startswith("One row")]
    assert not silent


def test_every_column_of_a_model_is_described(manifest: Manifest) -> None:
    """No model without columns, no column without a description."""
    bare = [
        f"{model.name}.{column.name}"
        for model in models_of(manifest)
        for column in model.columns.values()
        if not column.description.strip()
    ]
    assert not bare
    assert not [model.name for model in models_of(manifest) if not model.columns]


def test_documented_columns_are_those_selected(manifest: Manifest) -> None:
    """Names and order in YAML are those of the model's last select list.

    What a macro builds is compared in a lake: tests/pytest/pipeline/test_models_in_a_lake.py.
    """
    differing = {}
    for model in models_of(manifest):
        selected = selected_columns(model.raw_code)
        if selected is None:
            *_, last = re.split(r"\n\n+", model.raw_code.strip())
            assert re.fullmatch(r"\{\{.*\}\}", last, re.DOTALL), f"{model.name} is no macro call"
        elif list(model.columns) != selected:
            differing[model.name] = {"documented": list(model.columns), "selected": selected}
    assert not differing


def test_every_source_and_its_columns_are_described(manifest: Manifest) -> None:
    """Every table of a source has a grain and typed, described columns."""
    faults = []
    for source in manifest.sources.values():
        if not source.source_description.strip():
            faults.append(source.source_name)
        if not source.description.startswith("One row"):
            faults.append(f"{source.source_name}.{source.name}")
        if not source.columns:
            faults.append(f"{source.source_name}.{source.name} has no columns")
        faults += [
            f"{source.source_name}.{source.name}.{column.name}"
            for column in source.columns.values()
            if not column.description.strip() or not column.data_type
        ]
    assert not faults


def test_every_seed_is_described(lake_manifest: Manifest) -> None:
    """A seed's YAML names the columns of its file."""
    seeds = [node for node in lake_manifest.nodes.values() if isinstance(node, SeedNode)]
    assert seeds
    for seed in seeds:
        with (PROJECT / seed.original_file_path).open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        assert seed.description.startswith("One row"), seed.name
        assert list(seed.columns) == header
        assert all(column.description.strip() for column in seed.columns.values()), seed.name


def test_catalog_holds_the_metrics_of_the_fact(lake_manifest: Manifest) -> None:
    """Every column that is no key and no date, numbered, with no value outside the closed sets."""
    fact = lake_manifest.nodes[f"model.shelfweek.{FACT}"]
    metrics = read_catalog()
    assert set(metrics) == set(fact.columns) - NO_METRICS
    assert [metric.metric_number for metric in metrics.values()] == [
        str(number) for number in range(1, len(metrics) + 1)
    ]
    assert len({metric.metric_name for metric in metrics.values()}) == len(metrics)
    assert {metric.unit for metric in metrics.values()} <= UNITS
    assert {metric.good_direction for metric in metrics.values()} <= DIRECTIONS
    for name, metric in metrics.items():
        parts = {metric.numerator, metric.denominator} - {""}
        assert metric.roll_up in ROLL_UPS, name
        assert parts <= set(fact.columns), name
        assert metric.roll_up != "sum" or parts == {name}


def test_the_fact_describes_metrics_as_the_catalog_does(lake_manifest: Manifest) -> None:
    """The glossary is written from the catalog; the fact's columns take their text from it."""
    fact = lake_manifest.nodes[f"model.shelfweek.{FACT}"]
    for name, metric in read_catalog().items():
        assert fact.columns[name].description.strip() == metric.definition, f"{FACT}.{name}"


def test_models_follow_the_naming_law(manifest: Manifest) -> None:
    """A name tells the layer, and the source or what was done."""
    misnamed = [
        model.name
        for model in models_of(manifest)
        if not re.fullmatch(NAMES[layer_of(model)].replace("{folder}", model.fqn[2]), model.name)
    ]
    assert not misnamed


def test_models_read_only_the_layers_before_theirs(manifest: Manifest) -> None:
    """Staging alone reads the dump; marts read what was published, but no other source."""
    faults = []
    for model in models_of(manifest):
        for parent_id in model.depends_on.nodes:
            parent = manifest.nodes.get(parent_id)
            if isinstance(parent, ModelNode):
                layer = layer_of(parent)
            else:
                layer = manifest.sources[parent_id].source_name.removeprefix(f"{model.fqn[2]}_")
            if layer not in READABLE_LAYERS[layer_of(model)]:
                faults.append(f"{model.name} reads {parent_id}")
    assert not faults


def test_published_models_have_contracts(lake_manifest: Manifest) -> None:
    """What readers see has enforced names and types."""
    published = [m for m in models_of(lake_manifest) if m.config.materialized == "published"]
    assert published
    assert not [m.name for m in published if not m.config.contract.enforced]
    assert {m.name for m in published} == {
        m.name for m in models_of(lake_manifest) if layer_of(m) == "marts"
    }


def test_lists_of_tables_leave_none_out(lake_manifest: Manifest) -> None:
    """A ref must be known before dbt has a graph, so two lists of refs and a plan name tables."""

    def parents(model: str) -> set[str]:
        parent_ids = lake_manifest.parent_map[f"model.shelfweek.{model}"]
        return {parent_id.rpartition(".")[2] for parent_id in parent_ids}

    raw = {f"base_retail__{table}" for table in RETAIL.raw_tables}
    assert parents("base_retail__rows") == raw
    published = set(RETAIL.published_tables)
    assert parents("runs") >= published - {"runs"}
    plan = lake_manifest.nodes["model.shelfweek.int_publications_planned"].raw_code
    assert set(re.findall(r'^ {12}"(\w+)": \{', plan, re.MULTILINE)) == published


def test_no_test_can_fail_after_publishing(lake_manifest: Manifest) -> None:
    """A test that can stop a run stands before the published tables, not on one."""
    late = []
    for node in lake_manifest.nodes.values():
        if not isinstance(node, GenericTestNode | SingularTestNode):
            continue
        parents = (lake_manifest.nodes.get(parent_id) for parent_id in node.depends_on.nodes)
        is_on_published = any(
            parent is not None and parent.config.materialized == "published" for parent in parents
        )
        if is_on_published and str(node.config.severity).lower() == "error":
            late.append(node.name)
    assert not late


def test_athena_has_views_with_contracts_and_nothing_else(serving_manifest: Manifest) -> None:
    """Neither target has the other's models."""
    views = models_of(serving_manifest)
    assert {layer_of(view) for view in views} == {"serving"}
    assert {view.config.materialized for view in views} == {"view"}
    assert all(view.config.contract.enforced for view in views)
    assert not [node for node in serving_manifest.nodes.values() if isinstance(node, SeedNode)]


def test_every_view_is_tested(serving_manifest: Manifest) -> None:
    """At least its key."""
    tested = {
        parent_id
        for node in serving_manifest.nodes.values()
        if isinstance(node, GenericTestNode)
        for parent_id in node.depends_on.nodes
    }
    assert {view.unique_id for view in models_of(serving_manifest)} <= tested


def test_published_tables_are_declared_as_spark_writes_them(
    lake_manifest: Manifest, manifest: Manifest
) -> None:
    """Every table once; schema, columns, types and texts of the sources are those of the marts."""
    declared = {
        source.name: source
        for source in manifest.sources.values()
        if source.source_name == "retail_published"
    }
    assert declared.keys() == RETAIL.published_tables.keys()
    for source in declared.values():
        mart = lake_manifest.nodes[f"model.shelfweek.{source.name}"]
        assert source.schema == mart.schema
        assert source.description == mart.description
        assert [
            (column.name, column.data_type, column.description)
            for column in source.columns.values()
        ] == [
            (column.name, column.data_type, column.description) for column in mart.columns.values()
        ]


def test_every_dashboard_has_an_owner_an_address_and_parents(manifest: Manifest) -> None:
    """On both targets, so that the lineage of either shows them."""
    assert {exposure.label for exposure in manifest.exposures.values()} == {
        "How did the week go", "Where are we losing sales", "What to order", "Can I trust it",
    }  # fmt: skip
    for exposure in manifest.exposures.values():
        assert exposure.owner.email
        assert str(exposure.url).startswith("http")
        assert exposure.depends_on.nodes


def test_macros_keep_to_the_line_length() -> None:
    """sqlfluff looks at what macros put out, not at how they are written."""
    long_lines = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in sorted((PROJECT / "macros").rglob("*.sql"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > 100 or "\t" in line
    ]
    assert not long_lines


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the absolute names that a Python file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_production_code_never_imports_the_sandbox() -> None:
    """Stand-ins for cloud services stay in their room."""
    files = [
        path
        for folder in ("dags", "lambda", "shelfweek")
        for path in sorted((PROJECT / folder).rglob("*.py"))
    ]
    assert files
    guilty = [
        f"{path.relative_to(PROJECT)} imports {module}"
        for path in files
        for module in imported_modules(path)
        if module.split(".")[0] in {"sandbox", "tests"}
    ]
    assert not guilty
