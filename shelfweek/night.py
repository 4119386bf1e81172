"""One night: register what came in, build and test the models, publish, sweep."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from dbt.adapters.spark.connections import PyhiveConnectionWrapper
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from shelfweek.contract import PROJECT
from shelfweek.engine import Engine
from shelfweek.lake import sweep
from shelfweek.landing import Landing, Night
from shelfweek.registration import register_files

Progress = Callable[[str, float], None]
"""Called with what was done and how many seconds it took."""


class NightError(Exception):
    """A night did not come to its end; nothing of it is published."""


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


@dataclass
class DbtProject:
    """The dbt project, parsed once and used for several nights.

    Attributes:
        work_folder: where dbt writes what it compiles and logs.
    """

    engine: Engine
    work_folder: Path
    manifest: Manifest | None = None

    def invoke(self, *arguments: str, on_event: Callable[[Any], None] | None = None) -> Any:
        """Run a dbt command in this process and return dbt's result."""
        runner = dbtRunner(manifest=self.manifest, callbacks=[on_event] if on_event else [])
        with _environment(
            SHELFWEEK_THRIFT_HOST=self.engine.host,
            SHELFWEEK_THRIFT_PORT=str(self.engine.port),
            SHELFWEEK_SCHEMA=self.engine.schema,
        ):
            result = runner.invoke(
                [
                    *("--log-level", "none", "--log-path", str(self.work_folder / "logs")),
                    *arguments,
                    *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT / "profiles")),
                    *("--target-path", str(self.work_folder / "target")),
                ]
            )
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception
        return result

    def parse(self, progress: Progress) -> None:
        """Parse the project's files, so that later commands need not.

        Raises:
            NightError: they cannot be parsed.
        """
        with _timed(progress, "parse the models"):
            result = self.invoke("parse")
            if not result.success:
                raise NightError(f"the dbt project cannot be parsed: {result.exception}")
            self.manifest = result.result


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables for the length of a `with` block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                del os.environ[name]
            else:
                os.environ[name] = text


def _hang_up(connection: PyhiveConnectionWrapper) -> None:
    """Cancel what a connection runs by ending it: the server then drops the statement.

    At Ctrl-C dbt-spark asks for the cancellation over the very connection on which another thread
    waits for its statement; each takes the other's answer and both wait for ever.
    """
    with contextlib.suppress(OSError):
        connection.handle._transport._trans.handle.shutdown(socket.SHUT_RDWR)


PyhiveConnectionWrapper.cancel = _hang_up  # type: ignore[assignment, method-assign]


def run_nights(
    nights: Sequence[Night],
    landing: Landing,
    project: DbtProject,
    lake_uri: str,
    *,
    is_full_refresh: bool = False,
    progress: Progress = lambda what, seconds: None,
) -> Outcome:
    """Load one night, or rebuild the lake from several at once.

    Raises:
        NightError: a model or a test failed; readers see what they saw before.
    """
    started = time.monotonic()
    if project.manifest is None:
        project.parse(progress)
    with _timed(progress, "register the files"):
        run_id = register(nights, landing, project, lake_uri, is_full_refresh=is_full_refresh)
    outcome = Outcome(run_id, [night.load_date for night in nights])
    outcome.warnings = [warning for night in nights for warning in night.warnings]
    _build(project, outcome, progress)
    with _timed(progress, "sweep old folders"):
        sweep(project.engine, lake_uri)
    outcome.seconds = time.monotonic() - started
    return outcome


def register(
    nights: Sequence[Night],
    landing: Landing,
    project: DbtProject,
    lake_uri: str,
    *,
    is_full_refresh: bool = False,
) -> str:
    """Undo what an interrupted run has published, begin a new run, and return its id.

    Raises:
        NightError: the engine refuses it.
    """
    newest = max(night.load_date for night in nights)
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{newest:%Y%m%d}"
    request = {
        "run_id": run_id,
        "lake": lake_uri,
        "is_full_refresh": is_full_refresh,
        "limits": {"max_rejected_share": None, "accept_shrink": False},
        **register_files(nights, landing, run_id=run_id, lake_uri=lake_uri),
    }
    arguments = json.dumps({"request": request})
    result = project.invoke("run-operation", "register_run", "--args", arguments)
    if not result.success:
        raise NightError(f"the files could not be registered: {_reason_of(result)}")
    return run_id


def _build(project: DbtProject, outcome: Outcome, progress: Progress) -> None:
    def on_event(event: Any) -> None:
        if event.info.name == "LogModelResult":
            progress(event.data.node_info.node_name, event.data.execution_time)

    result = project.invoke(
        "build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "seed",
        on_event=on_event,
    )  # fmt: skip
    if result.result is None:
        raise NightError(f"dbt did not run: {result.exception}")
    failures = []
    for node in result.result:
        status = str(node.status)
        if status in ("error", "fail"):
            failures.append(_failure(node))
        elif status == "warn":
            outcome.warnings.append(f"{_sentence(node)}: {node.failures} rows")
        elif status == "pass":
            outcome.tests_passed += 1
    if failures:
        raise NightError("\n".join(failures))


def _failure(node: Any) -> str:
    """What failed, why, and where the SQL stands that shows the rows."""
    message = str(node.message or "").strip()
    if str(node.status) == "fail":
        message = f"{node.failures} rows. {_header_of(node)}".strip()
    compiled = getattr(node.node, "compiled_path", None)
    where = f"\n    SQL: {compiled}" if compiled else ""
    return f"{_sentence(node)}\n    {message}{where}"


def _sentence(node: Any) -> str:
    """The name of a test, which is a sentence, as one."""
    name = str(node.node.name)
    is_test = str(node.node.resource_type) == "test"
    return name.removeprefix("assert_").replace("_", " ") if is_test else name


def _header_of(node: Any) -> str:
    """The comment that a singular test begins with: what a failure means and what to do."""
    lines = []
    for line in str(node.node.raw_code).splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _reason_of(result: Any) -> str:
    if result.exception:
        return str(result.exception)
    return "; ".join(str(node.message) for node in result.result or [])


class _timed:
    """Report how long a block took, once it has ended well."""

    def __init__(self, progress: Progress, what: str) -> None:
        self.progress, self.what = progress, what

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, exception: type[BaseException] | None, *_: object) -> None:
        if exception is None:
            self.progress(self.what, time.monotonic() - self.started)
