"""The models as the engine has built them: dbt's unit tests of them, and what their YAML says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from dbt.contracts.graph.nodes import ModelNode, SingularTestNode
from dumps import LOAD_DATE, WORKED_SALES, WORKED_STOCK, night_tables
from lakes import Lake, LakeMaker
from reference.cases import write_dump


@pytest.fixture(scope="module")
def lake(lake_in: LakeMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake of one night: a unit test asks the engine for the columns of its inputs."""
    folder = tmp_path_factory.mktemp("models")
    write_dump(folder / "landing", LOAD_DATE, night_tables(WORKED_SALES, WORKED_STOCK))
    with lake_in(folder / "lake") as lake:
        lake.load(folder / "landing")
        yield lake


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
