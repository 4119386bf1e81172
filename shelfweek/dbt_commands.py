"""dbt's commands on the project, run in this process against an engine."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from shelfweek import dbt_sessions as dbt_sessions
from shelfweek.engine import Engine
from shelfweek.project import PROJECT
from shelfweek.reason import reason_of

Progress = Callable[[str, float], None]
"""Called with what was done and how many seconds it took."""


class NightError(Exception):
    """A night did not come to its end; nothing of it is published."""


class DbtError(Exception):
    """All that dbt said of a failure, with the engine's stack traces; the cause of a NightError."""


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
        variables: dbt's vars, where they differ from those of dbt_project.yml.
    """

    engine: Engine
    work_folder: Path
    manifest: Manifest | None = None
    folder: Path = PROJECT
    variables: Mapping[str, object] = field(default_factory=dict)

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
                    *("--log-level", "none", "--log-level-file", "info", "--no-use-colors"),
                    *("--log-path", str(self.log.parent)),
                    *arguments,
                    *("--project-dir", str(self.folder)),
                    *("--profiles-dir", str(self.folder / "profiles")),
                    *("--target-path", str(self.work_folder / "target")),
                    *(("--vars", json.dumps(self.variables)) if self.variables else ()),
                ]
            )
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception
        if result.exception:
            errors.insert(0, str(result.exception))
        return Invocation(result.success, result.result, tuple(errors))

    def parse(self, progress: Progress) -> Manifest:
        """Parse the project's files, so that later commands need not; return what they say.

        Raises:
            NightError: they cannot be parsed.
        """
        with timed(progress, "parse the models"):
            parsed = self.invoke("parse")
            if not parsed.is_success:
                raise failed("the dbt project cannot be parsed", self, parsed)
            manifest: Manifest = parsed.result
        self.manifest = manifest
        return manifest


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


@contextlib.contextmanager
def timed(progress: Progress, what: str) -> Iterator[None]:
    """Report how long a block took, once it has ended well."""
    started = time.monotonic()
    yield
    progress(what, time.monotonic() - started)
