"""One night: register what came in, build and test the models, publish, sweep."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from shelfweek.dbt_commands import (
    DbtError,
    DbtProject,
    Invocation,
    NightError,
    Progress,
    failed,
    timed,
)
from shelfweek.domain import Domain
from shelfweek.findings import failure_of, own_name, warning_of
from shelfweek.lake import sweep
from shelfweek.lake_format import expect_own_lake, mark_lake
from shelfweek.landing import Landing, Night
from shelfweek.limits import AS_CONFIGURED, Limits
from shelfweek.places import canonical_location
from shelfweek.reason import reason_of
from shelfweek.registration import register_files
from shelfweek.rejects import REJECTED_SHARE_TEST, Again, rejects_over_limit

NOT_REGISTERED = "the run could not be registered"
PUBLISHED = "published"
"""Folder beside dbt's target that keeps, by domain, the manifest of the last run."""


@dataclass
class Outcome:
    """What happened to a run.

    Attributes:
        load_dates: of the nights that it has loaded; none for a rebuild.
        warnings: what a person should look at although the run is whole.
        tests_passed: number of data tests.
    """

    run_id: str
    load_dates: list[date]
    warnings: list[str] = field(default_factory=list)
    tests_passed: int = 0
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """What a person calls the run."""
        return f"night {self.load_dates[-1]}" if self.load_dates else "rebuild"


def run_nights(
    nights: Sequence[Night],
    landing: Landing,
    project: DbtProject,
    lake_uri: str,
    *,
    is_full_refresh: bool = False,
    limits: Limits = AS_CONFIGURED,
    progress: Progress = lambda what, seconds: None,
) -> Outcome:
    """Load one night, or rebuild the lake from several at once.

    Raises:
        NightError: a model or a test failed; readers see what they saw before.
        LakeError: a newer release has written the lake.
    """
    load_dates = [night.load_date for night in nights]
    warnings = [warning for night in nights for warning in night.warnings]
    again = Again(
        domain=landing.domain.name,
        landing=landing.uri,
        lake=lake_uri.removeprefix("file:"),
        load_date=max(load_dates),
        is_full_refresh=is_full_refresh,
        limits=limits,
    )

    def begin() -> Outcome:
        run_id = register(
            nights, landing, project, lake_uri, is_full_refresh=is_full_refresh, limits=limits
        )
        return Outcome(run_id, load_dates, warnings)

    return publish(project, landing.domain, lake_uri, begin, again, progress)


def publish(
    project: DbtProject,
    domain: Domain,
    lake_uri: str,
    begin: Callable[[], Outcome],
    again: Again | None,
    progress: Progress,
) -> Outcome:
    """Take a run of a domain from its registration to the sweep of old folders.

    begin: registers the run.
    again: how the run is started again if it rejects too many rows; None if it reads none.

    Raises:
        NightError: a model or a test failed; readers see what they saw before.
    """
    started = time.monotonic()
    if project.manifest is None:
        project.parse(progress)
    with timed(progress, "register the run"):
        outcome = begin()
    _build(project, domain, outcome, again, progress)
    _keep_manifest(project, domain)
    with timed(progress, "sweep old folders"):
        sweep(project.engine, domain, lake_uri)
    outcome.seconds = time.monotonic() - started
    return outcome


def _keep_manifest(project: DbtProject, domain: Domain) -> None:
    """Keep what the models were when the run was published: later commands parse them anew."""
    folder = project.work_folder / PUBLISHED / domain.name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(project.work_folder / "target" / "manifest.json", folder)


def register(
    nights: Sequence[Night],
    landing: Landing,
    project: DbtProject,
    lake_uri: str,
    *,
    is_full_refresh: bool = False,
    limits: Limits = AS_CONFIGURED,
) -> str:
    """Undo what an interrupted run has published, begin a new run, and return its id.

    Raises:
        NightError: the engine refuses it, or the lake cannot be written to.
        LakeError: a newer release has written the lake.
    """
    newest = max(night.load_date for night in nights)
    return begin_run(
        project,
        landing.domain,
        lake_uri,
        f"{newest:%Y%m%d}",
        lambda run_id, lake: register_files(nights, landing, run_id=run_id, lake_uri=lake),
        is_full_refresh=is_full_refresh,
        limits=limits,
    )


def begin_run(
    project: DbtProject,
    domain: Domain,
    lake_uri: str,
    name: str,
    write_files: Callable[[str, str], Mapping[str, Any]],
    *,
    is_full_refresh: bool = False,
    rebuild_from: date | None = None,
    limits: Limits = AS_CONFIGURED,
) -> str:
    """Begin a run of a domain, and return its id: the time, and a name for people.

    write_files: takes the run's id and the lake's URI, writes what is known of the run's files
        beside the tables, and returns its part of the argument of macro register_run.
    rebuild_from: the first day of a rebuild, which has no files.

    Raises: as register does.
    """
    # The lake's tables keep what is written here as their location.
    lake_uri = canonical_location(lake_uri)
    expect_own_lake(lake_uri)
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{name}"
    try:
        files = write_files(run_id, lake_uri)
    except OSError as error:
        raise NightError(f"{NOT_REGISTERED}: {error}") from error
    request = {
        "run_id": run_id,
        "domain": domain.name,
        "folder": domain.folder_in(lake_uri),
        "is_full_refresh": is_full_refresh,
        "rebuild_from": rebuild_from and rebuild_from.isoformat(),
        "limits": limits.as_request(),
        **files,
    }
    arguments = json.dumps({"request": request})
    registered = project.invoke("run-operation", "register_run", "--args", arguments)
    if not registered.is_success:
        raise failed(NOT_REGISTERED, project, registered)
    mark_lake(lake_uri)
    return run_id


def _build(
    project: DbtProject, domain: Domain, outcome: Outcome, again: Again | None, progress: Progress
) -> None:
    def on_event(event: Any) -> None:
        if event.info.name == "LogModelResult":
            progress(event.data.node_info.node_name, event.data.execution_time)

    built = project.invoke(
        "build", "--select", *domain.selectors,
        "--exclude-resource-type", "unit_test", "--exclude-resource-type", "seed",
        on_event=on_event,
    )  # fmt: skip
    if built.result is None:
        raise failed("dbt did not run", project, built)
    failures, causes = [], []
    for node in built.result:
        status = str(node.status)
        if status == "error":
            reason = reason_of(str(node.message))
            failures.append(f"{node.node.resource_type} {node.node.name} failed: {reason}")
            causes.append(str(node.message))
        elif status == "fail" and again and own_name(node) == REJECTED_SHARE_TEST:
            failures.append(rejects_over_limit(project.engine, node, again))
        elif status == "fail":
            failures.append(failure_of(project.engine, node))
        elif status == "warn":
            outcome.warnings.append(warning_of(project.engine, node))
        elif status == "pass":
            outcome.tests_passed += 1
    if causes:
        failures.append(f"(log: {project.log})")
        raise NightError("\n".join(failures)) from DbtError("\n".join(causes))
    if failures:
        raise NightError("\n".join(failures))


__all__ = [
    "DbtError",
    "DbtProject",
    "Invocation",
    "NightError",
    "Outcome",
    "Progress",
    "begin_run",
    "failed",
    "publish",
    "register",
    "run_nights",
]
