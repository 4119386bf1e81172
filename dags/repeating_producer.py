"""The one `dbt build` of a night, made to repeat what a lost statement kept from being built.

Cosmos never repeats its build, and a task that watches a node cannot run it while the build goes on
(Cosmos issue 3001). So where statements failed the build runs what they kept from being built once
more, by `dbt retry`, and tells the watching tasks of failures only when nothing is left to try.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cosmos.operators.watcher import DbtProducerWatcherOperator

from shelfweek import dbt_sessions as dbt_sessions
from shelfweek.engine import Engine, EngineError

SERVER_SECONDS = 60.0
"""How long a server that does not answer after the build is waited for."""

NOT_BUILT = ("error", "fail", "skipped", "runtime error")

# What the build was told of its nodes is in its results; `dbt retry` takes the rest.
_OF_SELECTION = ("--select", "--exclude", "--selector", "--indirect-selection", "--resource-type")


class RepeatingProducer(DbtProducerWatcherOperator):  # type: ignore[misc]  # Cosmos is untyped
    """Cosmos' producer, which repeats statements that failed; tests that failed are not repeated.

    Cosmos makes the producer itself, so a task of its class is turned into one of this.
    """

    def run_dbt_runner(self, command: list[str], env: dict[str, str], cwd: str, **more: Any) -> Any:
        """Build, and repeat once what was not built, if a statement failed and a server answers."""
        held: list[tuple[str, Any]] = []
        self._held = held
        result = super().run_dbt_runner(command, env, cwd, **more)
        if _has_failed_statement(result) and _answers(env):
            self.log.warning("A statement failed: what was not built for it is built once more.")
            held.clear()
            self._upstream_failure_skipped_ids.clear()
            # Each call adds a callback of its own.
            self._dbt_runner_callbacks = None
            result = super().run_dbt_runner(_retry_of(command), env, cwd, **more)
        tell = super()._make_parse_callable()
        for line, extra in held:
            tell(line, extra)
        return result

    def _make_parse_callable(self) -> Callable[[str, Any], None]:
        """What reads each event of dbt; here it keeps failures back."""
        tell = super()._make_parse_callable()

        def hold_failures(line: str, extra: Any) -> None:
            event = json.loads(line)
            node = event.get("data", {}).get("node_info") or {}
            if node.get("node_status") not in NOT_BUILT:
                tell(line, extra)
                return
            self.log.info("%s", event.get("info", {}).get("msg"))
            self._held.append((line, extra))

        return hold_failures


def _has_failed_statement(result: Any) -> bool:
    nodes = getattr(result.result, "results", None) or []
    return any(str(node.status) in ("error", "runtime error") for node in nodes)


def _answers(env: dict[str, str]) -> bool:
    """Whether a server answers where dbt finds it."""
    engine = Engine(env["SHELFWEEK_THRIFT_HOST"], int(env["SHELFWEEK_THRIFT_PORT"]))
    try:
        engine.wait_until_ready(SERVER_SECONDS)
    except EngineError:
        return False
    return True


def _retry_of(build: list[str]) -> list[str]:
    """The command that repeats what a build did not build: its flags but for the selection."""
    program, *flags = build
    kept: list[str] = [program, "retry"]
    is_of_selection = False
    for flag in flags:
        if flag.startswith("--"):
            is_of_selection = flag in _OF_SELECTION
        elif flag == "build":
            continue
        if not is_of_selection:
            kept.append(flag)
    return kept
