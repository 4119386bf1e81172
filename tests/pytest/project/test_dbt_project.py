"""The dbt project as a run uses it, several of them in one process."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas
from dbt.plugins.manager import PluginManager
from domains import RETAIL

from shelfweek.engine import Engine
from shelfweek.night import DbtProject
from shelfweek.project import PROJECT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """The project, not parsed yet; a second parse takes from its folder what the first has left."""
    return DbtProject(Engine(prefix="another_"), tmp_path_factory.mktemp("work"))


def test_a_run_sees_its_own_engine_and_leaves_the_environment_as_it_was(
    project: DbtProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFWEEK_THRIFT_PORT", "10000")
    monkeypatch.delenv("SHELFWEEK_SCHEMA", raising=False)
    before = dict(os.environ)
    project.parse(progress=lambda what, seconds: None)
    assert project.manifest is not None
    assert project.manifest.nodes["model.shelfweek.dim_store"].schema == "another_retail_marts"
    assert dict(os.environ) == before


def test_dbt_selects_the_domains_models_with_all_their_tests(project: DbtProject) -> None:
    project.parse(progress=lambda what, seconds: None)
    assert project.manifest is not None
    nodes: dict[str, Any] = dict(project.manifest.nodes)
    models = {
        key for key, node in nodes.items() if key.startswith("model.") and "retail" in node.fqn
    }
    wanted = models | {
        key for key, node in nodes.items()
        if key.startswith("test.") and models & set(node.depends_on_nodes)
    }  # fmt: skip
    kinds = ("--resource-type", "model", "--resource-type", "test", "--output", "name")
    listed = project.invoke("ls", "--select", *RETAIL.selectors, *kinds)
    assert sorted(listed.result) == sorted(nodes[key].name for key in wanted)


def test_a_published_model_takes_its_candidates_columns_as_they_are() -> None:
    """Readers are pointed at the candidate's files, and would miss what its model changes."""
    models = sorted((PROJECT / "models" / "marts").glob("*/*.sql"))
    assert models
    for file in models:
        text = file.read_text(encoding="utf-8")
        if '"writes_rows": true' in text:
            continue
        code = re.sub(r"--[^\n]*", "", text)
        columns = re.fullmatch(r"\s*select\s+(.+?)\s+from \{\{ ref\(\"\w+\"\) \}\}\s*", code, re.S)
        assert columns, file.name
        assert all(name.strip().isidentifier() for name in columns[1].split(",")), file.name


def test_nothing_that_dbt_2_refuses_is_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt 1 compares files with the schemas of dbt 2 only where an adapter is on its list."""
    monkeypatch.setattr(jsonschemas, "_JSONSCHEMA_SUPPORTED_ADAPTERS", {"spark"})
    told: list[str] = []

    def note(event: Any) -> None:
        if event.info.level in ("warn", "error"):
            told.append(event.info.msg)

    result = dbtRunner(callbacks=[note]).invoke(
        [
            *("--log-level", "none", "--log-path", str(tmp_path), "--show-all-deprecations"),
            *("parse", "--no-partial-parse", "--target-path", str(tmp_path), "--target", "local"),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT / "profiles")),
        ]
    )
    assert result.success, result.exception
    assert not told, "\n".join(told)


def test_no_module_of_ours_is_taken_for_a_plugin_of_dbt() -> None:
    """Every dbt imports each module on its path that is named `dbt_...`, those of DAGs as well."""
    modules = PluginManager.get_prefixed_modules()  # type: ignore[no-untyped-call]
    files = [module.__file__ for module in modules.values()]
    environment = str(PROJECT / ".venv")
    ours = [file for file in files if file and file.startswith(str(PROJECT))]
    assert [file for file in ours if not file.startswith(environment)] == []


def test_athena_is_told_folders_by_a_name_that_it_knows() -> None:
    profile = yaml.safe_load((PROJECT / "profiles" / "profiles.yml").read_text())
    athena = profile["shelfweek"]["outputs"]["athena"]
    for setting in ("s3_staging_dir", "s3_data_dir"):
        rendered = jinja2.Template(athena[setting]).render(env_var=lambda _: "s3a://serving/x/")
        assert rendered == "s3://serving/x/"
