"""One night: register what came in, build and test the models, publish, sweep."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from shelfweek import dbt_sessions as dbt_sessions
from shelfweek.domain import Domain
from shelfweek.engine import Engine
from shelfweek.findings import failure_of, own_name, warning_of
from shelfweek.lake import sweep
from shelfweek.lake_format import expect_own_lake, mark_lake
from shelfweek.landing import Landing, Night
from shelfweek.limits import AS_CONFIGURED, Limits
from shelfweek.places import canonical_location
from shelfweek.project import PROJECT
from shelfweek.reason import reason_of
from shelfweek.registration import register_files
from shelfweek.rejects import REJECTED_SHARE_TEST, Again, rejects_over_limit

NOT_REGISTERED = "the files could not be registered"

Progress = Callable[[str, float], None]
"""Called with what was done and how many seconds it took."""


class NightError(Exception):
    """A night did not come to its end; nothing of it is published."""


class DbtError(Exception):
    """All that dbt said of a failure, with the engine's stack traces; the cause of a NightError."""


@dataclass
class Outcome:
    """What happened to a run.

    Attributes:
        warnings: what a person should look at although the run is whole.
        tests_passed: number of data tests.
    """

    run_id: str
    load_dates: list[date]
    warnings: list[str] = field(default_factory=list)
    tests_passed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Invocation:
    """What came of a dbt command.

    Attributes:
        result: dbt's own, which differs by command; None where dbt did not run.
        errors: what dbt logged as errors, in full.
    """

    is_success: bool
    result: Any
    errors: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The first of the errors, in one line."""
        return reason_of(next(iter(self.errors), ""))


@dataclass
class DbtProject:
    """The dbt project, parsed once and used for several nights.

    Attributes:
        work_folder: where dbt writes what it compiles and logs.
        folder: where the project lies.
    """

    engine: Engine
    work_folder: Path
    manifest: Manifest | None = None
    folder: Path = PROJECT

    @property
    def log(self) -> Path:
        """What dbt writes about its commands, in full."""
        return self.work_folder / "logs" / "dbt.log"

    def invoke(self, *arguments: str, on_event: Callable[[Any], None] | None = None) -> Invocation:
        """Run a dbt command in this process.

        Raises:
            KeyboardInterrupt: somebody ended it.
        """
        errors: list[str] = []

        def note(event: Any) -> None:
            if event.info.level == "error":
                errors.append(event.info.msg)

        runner = dbtRunner(
            manifest=self.manifest, callbacks=[note, *([on_event] if on_event else [])]
        )
        with _environment(
            SHELFWEEK_THRIFT_HOST=self.engine.host,
            SHELFWEEK_THRIFT_PORT=str(self.engine.port),
            SHELFWEEK_SCHEMA=self.engine.prefix,
        ):
            result = runner.invoke(
                [
                    *("--log-level", "none", "--log-level-file", "info"),
                    *("--log-path", str(self.log.parent)),
                    *arguments,
                    *("--project-dir", str(self.folder)),
                    *("--profiles-dir", str(self.folder / "profiles")),
                    *("--target-path", str(self.work_folder / "target")),
                ]
            )
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception
        if result.exception:
            errors.insert(0, str(result.exception))
        return Invocation(result.success, result.result, tuple(errors))

    def parse(self, progress: Progress) -> None:
        """Parse the project's files, so that later commands need not.

        Raises:
            NightError: they cannot be parsed.
        """
        with _timed(progress, "parse the models"):
            parsed = self.invoke("parse")
            if not parsed.is_success:
                raise failed("the dbt project cannot be parsed", self, parsed)
            self.manifest = parsed.result


def failed(what: str, project: DbtProject, invocation: Invocation) -> NightError:
    """Return the error for a dbt command that failed as a whole: what, why, where the log is."""
    error = NightError(f"{what}: {invocation.reason}\n(log: {project.log})")
    error.__cause__ = DbtError("\n".join(invocation.errors))
    return error


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables for the length of a `with` block.

    Those of dbt's options (DBT_TARGET, DBT_WARN_ERROR, ...) are away meanwhile: what a shell was
    told for other projects is nothing to this one.
    """

    def is_ours(name: str) -> bool:
        return name in variables or name.startswith("DBT_")

    before = {name: text for name, text in os.environ.items() if is_ours(name)}
    for name in before:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in [name for name in os.environ if is_ours(name)]:
            del os.environ[name]
        os.environ.update(before)


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
    started = time.monotonic()
    if project.manifest is None:
        project.parse(progress)
    with _timed(progress, "register the files"):
        run_id = register(
            nights, landing, project, lake_uri, is_full_refresh=is_full_refresh, limits=limits
        )
    outcome = Outcome(run_id, [night.load_date for night in nights])
    outcome.warnings = [warning for night in nights for warning in night.warnings]
    again = Again(
        domain=landing.domain.name,
        landing=landing.uri,
        lake=lake_uri.removeprefix("file:"),
        load_date=max(outcome.load_dates),
        is_full_refresh=is_full_refresh,
        limits=limits,
    )
    _build(project, landing.domain, outcome, again, progress)
    with _timed(progress, "sweep old folders"):
        sweep(project.engine, landing.domain, lake_uri)
    outcome.seconds = time.monotonic() - started
    return outcome


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
    # The lake's tables keep what is written here as their location.
    lake_uri = canonical_location(lake_uri)
    expect_own_lake(lake_uri)
    newest = max(night.load_date for night in nights)
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{newest:%Y%m%d}"
    try:
        registered_files = register_files(nights, landing, run_id=run_id, lake_uri=lake_uri)
    except OSError as error:
        raise NightError(f"{NOT_REGISTERED}: {error}") from error
    request = {
        "run_id": run_id,
        "domain": landing.domain.name,
        "folder": landing.domain.folder_in(lake_uri),
        "is_full_refresh": is_full_refresh,
        "limits": limits.as_request(),
        **registered_files,
    }
    arguments = json.dumps({"request": request})
    registered = project.invoke("run-operation", "register_run", "--args", arguments)
    if not registered.is_success:
        raise failed(NOT_REGISTERED, project, registered)
    mark_lake(lake_uri)
    return run_id


def _build(
    project: DbtProject, domain: Domain, outcome: Outcome, again: Again, progress: Progress
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
        elif status == "fail" and own_name(node) == REJECTED_SHARE_TEST:
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


class _timed:
    """Report how long a block took, once it has ended well."""

    def __init__(self, progress: Progress, what: str) -> None:
        self.progress, self.what = progress, what

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, exception: type[BaseException] | None, *_: object) -> None:
        if exception is None:
            self.progress(self.what, time.monotonic() - self.started)
