"""A real Airflow on this machine: api-server, scheduler, dag-processor, triggerer.

It runs the project's DAGs on SQLite with the local executor, listens on the loopback address only,
and ends with the block that started it. All that it writes lies in one folder. Its password, keys
and secrets are drawn anew at each start.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from sandbox.processes import HOST, STOP_TIMEOUT, die_with_parent, free_port, last_lines
from shelfweek.project import PROJECT

COMMANDS = {
    "api-server": ("--workers", "1"),
    # Log servers would listen on every interface; here all logs lie in one folder.
    "scheduler": ("--skip-serve-logs",),
    "triggerer": ("--skip-serve-logs",),
    "dag-processor": (),
}
# What every task would import by itself: two seconds of a core each. Here the tasks are forks of a
# process that has them.
PRELOADED = (
    "airflow.dag_processing.bundles.local",
    "airflow.dag_processing.dagbag",
    "airflow.providers.amazon.aws.hooks.emr",
    "airflow.providers.amazon.aws.hooks.ses",
    "airflow.providers.standard.decorators.python",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.timeout",
    "cosmos.airflow.task_group",
    "cosmos.listeners.task_instance_listener",
    "cosmos.operators.local",
    "cosmos.operators.watcher",
    "cosmos.plugin.airflow3",
    "dbt.cli.main",
    "dbt.adapters.spark",
    "shelfweek.engine",
    "shelfweek.nightly_request",
)
USERNAME = "readiness"
START_TIMEOUT = 300.0
REQUEST_TIMEOUT = 30.0
POLL = 1.0


class AirflowServerError(RuntimeError):
    """Airflow does not come up, or a run does not come to its end; the text says why."""


@dataclass
class AirflowServer:
    """An Airflow that runs.

    Attributes:
        home: its folder: database, logs, passwords.
        environment: what its processes have in their environment.
        processes: command to process; each leads a process group of its own.
    """

    url: str
    username: str
    password: str = field(repr=False)
    home: Path
    environment: dict[str, str] = field(repr=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _token: str = field(default="", repr=False)

    def log(self, command: str) -> Path:
        """What one of the four processes prints."""
        return self.home / f"{command}.log"

    def start(self, command: str) -> None:
        """Start one of the four processes."""
        with self.log(command).open("ab") as output:
            self.processes[command] = subprocess.Popen(  # noqa: S603
                [program("airflow"), command, *COMMANDS[command]],
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its own group: a terminal's Ctrl-C reaches only us, and we end it.
                start_new_session=True,
                # Not SIGKILL: the scheduler's workers would outlive it, so it has to end them.
                preexec_fn=die_with_parent(signal.SIGTERM),
            )

    def stop(self, command: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End one of the processes with all that it started."""
        process = self.processes.pop(command)
        # Workers and the tasks' own processes lead groups of their own.
        family = _family(process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
        for each in [*family, *_family(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()

    def get(self, path: str) -> Any:
        """GET a resource of the REST API, such as `dags/nightly_retail`."""
        return self._call("GET", f"/api/v2/{path}")

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST to a resource of the REST API."""
        return self._call("POST", f"/api/v2/{path}", body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """PATCH a resource of the REST API."""
        return self._call("PATCH", f"/api/v2/{path}", body)

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """State of each task of a run; `none` for one that has not been looked at."""
        run = urllib.parse.quote(run_id, safe="")
        page = self.get(f"dags/{dag_id}/dagRuns/{run}/taskInstances?limit=500")
        return {task["task_id"]: task["state"] or "none" for task in page["task_instances"]}

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float) -> str:
        """Wait until a run has ended and return its state, `success` or `failed`.

        Raises:
            AirflowServerError: it has not ended within that many seconds.
        """
        deadline = time.monotonic() + seconds
        run = urllib.parse.quote(run_id, safe="")
        state = "unknown"
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # a busy server: ask again
                state = self.get(f"dags/{dag_id}/dagRuns/{run}")["state"]
            if state in ("success", "failed"):
                return state
            time.sleep(POLL)
        raise AirflowServerError(f"run {run_id} of {dag_id} is {state} after {seconds:.0f} s")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        if not self._token:
            login = {"username": self.username, "password": self.password}
            self._token = _send(f"{self.url}/auth/token", "POST", login, "")["access_token"]
        return _send(f"{self.url}{path}", method, body, self._token)


def _send(url: str, method: str, body: Mapping[str, Any] | None, token: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 (the server's own address)
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT) as response:  # noqa: S310
        return json.load(response)


def program(name: str) -> str:
    """A program of this Python's environment."""
    return str(Path(sys.executable).parent / name)


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """What an `airflow` command needs in its environment: ours, settings, and more."""
    foreign = ("AIRFLOW_", "AWS_", "SHELFWEEK_", "DBT_")
    ours = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    return {
        **ours,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{ours.get('PATH', '')}",
        "PYTHONPATH": str(PROJECT),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__MP_START_METHOD": "forkserver",
        "AIRFLOW__CORE__MP_FORKSERVER_PRELOAD": ",".join(PRELOADED),
        # A busy laptop needs longer than a server.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__COSMOS__CACHE_DIR": str(home / "cosmos"),
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "AIRFLOW__COSMOS__DBT_DOCS_PROJECTS": json.dumps(
            {
                "shelfweek": {
                    "dir": str(PROJECT / "target"),
                    "index": "static_index.html",
                    "name": "Shelfweek",
                }
            }
        ),
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        **more,
    }


def make_manifest(variables: Mapping[str, str]) -> None:
    """Parse the dbt project, as `make manifest` does, with variables for dbt's profile.

    With the variables that the tasks will have dbt need not parse again there. Target athena is
    parsed where the variables name a work group.

    Raises:
        AirflowServerError: dbt cannot parse it.
    """
    folders = {"emr": PROJECT / "target"}
    if "SHELFWEEK_ATHENA_WORK_GROUP" in variables:
        folders["athena"] = PROJECT / "target" / "athena"
    for target, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        # dbt writes its files in place. Who reads the DAGs meanwhile must not find half of one.
        with TemporaryDirectory(dir=folder, prefix=".parse-") as scratch:
            parsed_before = folder / "partial_parse.msgpack"
            if parsed_before.is_file():
                shutil.copy2(parsed_before, scratch)
            done = subprocess.run(  # noqa: S603
                [
                    *(program("dbt"), "parse", "--profiles-dir", "profiles"),
                    *("--target", target, "--target-path", scratch),
                ],
                cwd=PROJECT,
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise AirflowServerError(
                    f"the dbt project cannot be parsed:\n{done.stdout[-2000:]}"
                )
            for file in Path(scratch).iterdir():
                file.replace(folder / file.name)


def prepare(home: Path, variables: Mapping[str, str]) -> None:
    """Make an empty database in the home folder.

    Raises:
        AirflowServerError: Airflow refuses.
    """
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(  # noqa: S603
        [program("airflow"), "db", "migrate"],
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AirflowServerError(f"Airflow made no database:\n{done.stderr[-2000:]}")


@contextlib.contextmanager
def running(home: Path, more: Mapping[str, str]) -> Iterator[AirflowServer]:
    """Run Airflow for the length of a `with` block; it is healthy when the block begins.

    home: folder for all that it writes. more: further variables for its processes.

    Raises:
        AirflowServerError: it does not come up.
    """
    port = free_port()
    url = f"http://{HOST}:{port}"
    password = secrets.token_urlsafe(24)
    variables = environment(
        home,
        {
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USERNAME}:user",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            **more,
        },
    )
    prepare(home, variables)
    passwords = home / "passwords.json"
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({USERNAME: password}), encoding="utf-8")
    server = AirflowServer(url, USERNAME, password, home, variables)
    try:
        for command in COMMANDS:
            server.start(command)
        _wait_until_healthy(server)
        yield server
    finally:
        # The scheduler first: it would start tasks again that its workers lose.
        for command in ("scheduler", "triggerer", "dag-processor", "api-server"):
            if command in server.processes:
                server.stop(command)


def _wait_until_healthy(server: AirflowServer) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        for command, process in server.processes.items():
            if process.poll() is not None:
                raise AirflowServerError(
                    f"airflow {command} ended:\n{last_lines(server.log(command))}"
                )
        with contextlib.suppress(OSError, ValueError):
            health = _send(f"{server.url}/api/v2/monitor/health", "GET", None, "")
            if all(part["status"] == "healthy" for part in health.values()) and _has_dags(server):
                return
        time.sleep(POLL)
    told = last_lines(server.log("scheduler"))
    raise AirflowServerError(f"Airflow is not healthy after {START_TIMEOUT:.0f} s:\n{told}")


def _has_dags(server: AirflowServer) -> bool:
    """Whether the DAG files have been parsed.

    Raises:
        AirflowServerError: one of them cannot be imported.
    """
    if errors := server.get("importErrors")["import_errors"]:
        raise AirflowServerError(f"a DAG cannot be imported:\n{errors[0]['stack_trace']}")
    return bool(server.get("dags")["total_entries"])


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
