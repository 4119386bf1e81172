"""A trial of models: built and tested beside the lake's tables, and compared with them.

A trial reads what the lake's last run has left, builds the models in schemas of their own, and
publishes nothing.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt.artifacts.resources.types import NodeType
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode

from shelfweek.comparison import Comparison, compare
from shelfweek.dbt_commands import DbtProject, Progress, failed, timed
from shelfweek.domain import Domain
from shelfweek.engine import Engine, Session
from shelfweek.findings import failed as failed_test
from shelfweek.findings import failure_of, warning_of
from shelfweek.printable import printable_lines
from shelfweek.project import PROJECT
from shelfweek.reason import reason_of

_PREFIX = "trial_"
_LAYERS = ("staging", "intermediate")


class TrialError(Exception):
    """A model cannot be tried; the message says why."""


@dataclass(frozen=True)
class Difference:
    """A model's rows against those of the lake's last run; None: the model is new."""

    model: str
    comparison: Comparison | None


@dataclass
class Trial:
    """What came of a trial.

    Attributes:
        models: those that were built.
        failures: of models and tests, in words; what depends on them is not built.
        warnings: of tests that only warn.
    """

    models: list[str] = field(default_factory=list)
    tests_passed: int = 0
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def try_models(
    project: DbtProject,
    domain: Domain,
    state: Path,
    folder: Path,
    names: Sequence[str],
    progress: Progress = lambda what, seconds: None,
) -> Trial:
    """Build models and what depends on them beside a lake's tables, and compare the rows.

    project: as trial_project returns it.
    state: the folder of the manifest with which the lake's last run was built.
    folder: where the trial's tables go, in place of those of the last trial.
    names: of the models; none: those whose files have changed since the last run.

    Raises:
        TrialError: there is no such model, it cannot be tried, or the last run is not published.
        NightError: dbt did not run.
    """
    _expect_published_run(project.engine, domain)
    manifest = project.manifest or project.parse(progress)
    known = _models_of(manifest, domain)
    names = [
        _candidate_of(known, name).name for name in names or _changed_models(project, known, state)
    ]
    models = _models_to_build(known, names)
    _make_schemas(project.engine, domain, folder)
    trial = _build(project, models, _tests_of_others(manifest, names), state, progress)
    trial.warnings += [
        f"{node.name} reads what is published, which the last run has changed: rows can differ "
        "for that alone"
        for node in models.values()
        if any(f".{domain.name}_published." in parent for parent in node.depends_on.nodes)
    ]
    with timed(progress, "compare"), project.engine.session() as session:
        trial.differences += [
            _difference(session, models[name], _key_of(manifest, name))
            for name in trial.models
            if _candidate_for(models[name]) or name in names
        ]
    return trial


def trial_project(engine: Engine, work_folder: Path, folder: Path = PROJECT) -> DbtProject:
    """Return a dbt project that builds its models beside the lake's tables."""
    return DbtProject(engine, work_folder, folder=folder, variables={"trial": True})


def _expect_published_run(engine: Engine, domain: Domain) -> None:
    (unpublished, *_) = engine.query(
        f"select max(requests.run_id) as run_id from {engine.schema(domain.name, 'raw')}"
        f".run_requests as requests anti join {engine.marts(domain.name, 'runs')} as runs "
        "using (run_id)"
    )
    if unpublished["run_id"]:
        raise TrialError(
            f"run {unpublished['run_id']} was not published, or was rolled back: what it has left "
            "is no state to compare with. Load a night first"
        )


def _changed_models(project: DbtProject, known: Mapping[str, Any], state: Path) -> list[str]:
    """The domain's models whose files differ from those that the last run has used."""
    listed = project.invoke(
        "ls", "--resource-type", "model", "--output", "name", "--quiet",
        "--select", "state:modified", "--state", str(state),
    )  # fmt: skip
    if not listed.is_success:
        raise failed("dbt cannot tell what has changed since the last run", project, listed)
    names = [name for name in listed.result if name in known]
    if not names:
        raise TrialError("no model has changed since the last run: name one, MODEL=<model>")
    return names


def _models_of(manifest: Manifest, domain: Domain) -> dict[str, Any]:
    """The domain's models by name."""
    return {
        node.name: node
        for node in manifest.nodes.values()
        if node.resource_type == NodeType.Model and node.fqn[2] == domain.name
    }


def _models_to_build(known: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The named models and what depends on them, up to what is published.

    Raises:
        TrialError: one of them keeps the rows of every run.
    """
    wanted = [known[name] for name in names]
    found: dict[str, Any] = {}
    while wanted:
        node = wanted.pop()
        if node.name in found:
            continue
        if node.config.materialized == "run_slices":
            raise TrialError(
                f"{node.name} keeps the rows of every run, so it cannot be built beside them: load "
                "a night into a lake of its own, make run LAKE=<new folder>"
            )
        found[node.name] = node
        wanted += [
            child
            for child in known.values()
            if node.unique_id in child.depends_on.nodes and not _publishes(child)
        ]
    return dict(sorted(found.items()))


def _candidate_of(known: Mapping[str, Any], name: str) -> Any:
    """The model of a name; of a published one, the model that holds its rows.

    Raises:
        TrialError: there is no such model, or none that holds its rows.
    """
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        raise TrialError(
            f"there is no model {name!r}" + (f"; near it: {', '.join(near)}" if near else "")
        )
    if not _publishes(known[name]):
        return known[name]
    for other in known.values():
        if _candidate_for(other) == known[name].alias:
            return other
    raise TrialError(f"{name} is what a run notes of itself: there is nothing to try")


def _publishes(node: Any) -> bool:
    """Whether a model is published, or decides what is."""
    is_plan = str(node.name).endswith("int_publications_planned")
    return is_plan or node.config.materialized == "published"


def _make_schemas(engine: Engine, domain: Domain, folder: Path) -> None:
    """Make the trial's schemas anew, without what the last trial left."""
    with engine.session() as session:
        for layer in _LAYERS:
            session.execute(f"drop schema if exists {_schema(engine, domain, layer)} cascade")
        shutil.rmtree(folder, ignore_errors=True)
        for layer in _LAYERS:
            location = str(folder / domain.name / layer).replace("\\", "\\\\").replace("'", "\\'")
            session.execute(
                f"create schema {_schema(engine, domain, layer)} location 'file:{location}'"
            )


def _schema(engine: Engine, domain: Domain, layer: str) -> str:
    """The schema of a trial, as generate_schema_name in macros/lake.sql names it."""
    return _PREFIX + engine.schema(domain.name, layer)


def _tests_of_others(manifest: Manifest, names: Sequence[str]) -> list[str]:
    """The unit tests that are none of these models'."""
    return [test.name for test in manifest.unit_tests.values() if test.model not in names]


def _build(
    project: DbtProject,
    models: Mapping[str, Any],
    excluded: Sequence[str],
    state: Path,
    progress: Progress,
) -> Trial:
    """Build and test the models, from the lake's tables where those are not built here."""

    def on_event(event: Any) -> None:
        if event.info.name == "LogModelResult":
            progress(event.data.node_info.node_name, event.data.execution_time)

    built = project.invoke(
        "build", "--select", *models, "--exclude", "resource_type:seed", *excluded,
        "--defer", "--favor-state", "--state", str(state),
        on_event=on_event,
    )  # fmt: skip
    if built.result is None:
        raise failed("dbt did not run", project, built)
    trial = Trial()
    for node in built.result:
        status = str(node.status)
        if status == "error":
            reason = reason_of(str(node.message))
            trial.failures.append(f"{node.node.resource_type} {node.node.name} failed: {reason}")
        elif status == "fail" and node.node.resource_type == NodeType.Unit:
            # dbt shows what came beside what was expected.
            shown = str(node.message).replace("\r", "").strip()
            trial.failures.append(f"{failed_test(node)}: {printable_lines(shown)}")
        elif status == "fail":
            trial.failures.append(failure_of(project.engine, node))
        elif status == "warn":
            trial.warnings.append(warning_of(project.engine, node))
        elif status == "pass":
            trial.tests_passed += 1
        elif status == "success" and node.node.resource_type == NodeType.Model:
            trial.models.append(node.node.name)
    return trial


def _difference(session: Session, node: Any, key: Sequence[str]) -> Difference:
    """Compare a model with the table of its name that the lake's last run has left.

    Of a candidate, these are the very rows that readers have been pointed at.
    """
    schema = node.schema.removeprefix(_PREFIX)
    if not session.query(f"show tables in {schema} like '{node.alias}'"):
        return Difference(node.name, None)
    before, now = f"{schema}.{node.alias}", f"{node.schema}.{node.alias}"
    return Difference(node.name, compare(session, before, now, key))


def _key_of(manifest: Manifest, model: str) -> list[str]:
    """The columns that test primary_key is given for a model; none if it has no such test."""
    for test in manifest.nodes.values():
        if (
            isinstance(test, GenericTestNode)
            and str(test.attached_node).endswith(f".{model}")
            and test.test_metadata.name == "primary_key"
        ):
            return list(test.test_metadata.kwargs["columns"])
    return []


def _candidate_for(node: Any) -> str | None:
    """The published table that a model's rows are a candidate for."""
    found = node.config.meta.get("candidate_for")
    return None if found is None else str(found)
