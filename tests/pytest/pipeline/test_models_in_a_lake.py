"""The models as the engine has built them from random dumps: rows, unit tests, names of columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from dbt.contracts.graph.nodes import ModelNode, SingularTestNode
from domains import RETAIL
from lakes import Lake, LakeMaker, assert_equals_reference
from packs import packed_nights
from reference import compute
from reference.cases import calendar_rows, write_nights

REASONS = {
    "malformed_row",
    "bad_value",
    "missing_key",
    "bad_flag",
    "conflicting_duplicate",
    "future_date",
    "unknown_calendar_date",
    "outside_covered_dates",
}
THURSDAY = 3
OLDER, NEWER = date(2024, 3, 1), date(2024, 3, 4)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights with rows of every reason, over a leap day, one with a manifest, one without."""
    folder = tmp_path_factory.mktemp("models") / "landing"
    first, last = OLDER - timedelta(days=40), NEWER + timedelta(days=6)
    calendar = calendar_rows(first, last, THURSDAY, split_years=True)
    nights = packed_nights(calendar, [OLDER, NEWER], 8, dirty=True, with_manifest=[NEWER])
    write_nights(folder, nights, bom=True, parts=2)
    return folder


@pytest.fixture(scope="module")
def lake(lake_in: LakeMaker, landing: Path) -> Iterator[Lake]:
    """A lake of both nights: a unit test asks the engine for the columns of its inputs."""
    with lake_in(landing.parent / "lake") as lake:
        lake.full_refresh(landing)
        yield lake


def test_dirty_dumps_equal_the_reference(lake: Lake, landing: Path) -> None:
    expected = compute(landing)
    assert {reject.reason for reject in expected.rejected} == REASONS
    assert_equals_reference(lake, expected)


def test_every_dbt_unit_test_passes(lake: Lake) -> None:
    """Each metric, the worked example, the choice of weeks, the loading of any table."""
    manifest = lake.project.manifest
    assert manifest is not None
    result = lake.project.invoke("test", "--select", "test_type:unit")
    # The hook that every run begins with is no test.
    tests = [node for node in result.result if node.node.resource_type == "unit_test"]
    failed = [f"{node.node.name}: {node.message}" for node in tests if node.status != "pass"]
    assert not failed, "\n".join(failed)
    assert len(tests) == len(manifest.unit_tests) > 0


def test_documented_columns_are_those_built(lake: Lake) -> None:
    """Names in YAML are those of the tables and views; partition columns come last in a table."""
    manifest = lake.project.manifest
    assert manifest is not None
    differing: dict[str, set[str]] = {}
    with lake.project.engine.session() as session:
        for node in manifest.nodes.values():
            if isinstance(node, ModelNode):
                rows = session.query(f"show columns in {node.schema}.{node.alias}")
                built = {row["col_name"] for row in rows}
                if built != set(node.columns):
                    differing[node.name] = built ^ set(node.columns)
    assert not differing


def test_the_lineage_shows_who_reads_what_was_published(lake: Lake) -> None:
    """Each published table in the SQL of a model or test is a parent of it, as dbt knows it."""
    marts = re.escape(lake.schema("marts"))
    hidden: set[str] = set()
    readers: set[str] = set()
    for result in lake.project.invoke("compile").result:
        node = result.node
        if isinstance(node, ModelNode | SingularTestNode):
            read = set(re.findall(rf"\b{marts}[.](\w+)", node.compiled_code or ""))
            parents = {parent_id.rpartition(".")[2] for parent_id in node.depends_on.nodes}
            hidden |= {f"{node.name} reads {table}" for table in read - parents}
            readers |= {node.name} if read else set()
    assert not hidden
    assert {"base_retail__load_coverage", "int_week_days_touched", "runs"} <= readers


def test_the_age_of_sources_is_that_of_the_newest_published_dump(lake: Lake) -> None:
    """dbt source freshness: a load date counts from its midnight in UTC, for every raw table."""
    freshness = lake.project.invoke("source", "freshness")
    newest = {
        result.node.name: result.max_loaded_at
        for result in freshness.result.results
        if result.node.resource_type == "source"
    }
    assert newest == dict.fromkeys(RETAIL.raw_tables, datetime.combine(NEWER, time(), UTC))
