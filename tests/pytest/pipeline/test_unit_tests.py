"""dbt's unit tests of the models: each metric, the worked example, the choice of weeks."""

from __future__ import annotations

from dumps import LOAD_DATE, WORKED_SALES, WORKED_STOCK, night_tables
from lakes import Lake
from reference.cases import write_dump

# A unit test asks the engine for the columns of its inputs, so a night must have made them.


def test_every_dbt_unit_test_passes(fresh_lake: Lake) -> None:
    landing = fresh_lake.folder.parent / "landing"
    write_dump(landing, LOAD_DATE, night_tables(WORKED_SALES, WORKED_STOCK))
    fresh_lake.load(landing)
    manifest = fresh_lake.project.manifest
    assert manifest is not None
    result = fresh_lake.project.invoke("test", "--select", "test_type:unit")
    # The hook that every run begins with is no test.
    tests = [node for node in result.result if node.node.resource_type == "unit_test"]
    assert not {node.node.name: str(node.message) for node in tests if node.status != "pass"}
    assert len(tests) == len(manifest.unit_tests) > 0
