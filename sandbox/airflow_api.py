"""A stand-in for Airflow's REST API: log in, look at a DAG, start a run, look at a run.

It gives the real API's status codes and error texts for what the readiness check asks, keeps runs
in memory, and can be told to misbehave. It starts nothing: it proves what is asked of Airflow, not
what Airflow then does.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.processes import HOST

_PATHS = re.compile(r"/api/v2/dags/(?P<dag>[^/]+)(?P<runs>/dagRuns(?:/(?P<run>[^/]+))?)?")
_CONF_KEYS = {"load_date", "landing_uri", "files", "manifest", "emr"}

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of its answer.

    Attributes:
        path: requests whose path begins so.
        status, headers, detail: the answer; status 0 breaks the connection off without one.
        content: the answer's body instead of JSON with the detail.
        seconds: how long the answer takes.
        trickle: seconds between two bytes of the whole answer, its header lines included.
        is_late: the request is carried out first, so that only its answer is lost.
    """

    path: str = "/"
    status: int = 0
    detail: Any = "injected"
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    seconds: float = 0.0
    trickle: float = 0.0
    is_late: bool = False


@dataclass
class AirflowApi:
    """The stand-in's state. `faults` are used up one by one, in order, by the requests they fit.

    Attributes:
        paused: those of the DAGs whose runs wait.
        runs: dag id and run id to the run as the API shows it.
        requests: method, path and parsed body of every request, also of those that met a fault.
        stuck: a fault that is never used up.
    """

    url: str
    username: str
    password: str
    dag_ids: set[str]
    paused: set[str] = field(default_factory=set)
    runs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    stuck: Fault | None = None
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    _tokens: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, token: str, body: Any) -> Answer:
        """Carry out a request."""
        with self._lock:
            if (method, path) == ("POST", "/auth/token"):
                return self._log_in(body)
            match = _PATHS.fullmatch(path)
            if not match:
                return 404, {"detail": "Not Found"}
            if token not in self._tokens:
                return 401, {"detail": "Invalid JWT token"}
            if not match["runs"]:
                return self._show_dag(match["dag"])
            if method == "POST" and not match["run"]:
                return self._start(match["dag"], body)
            return self._show(match["dag"], match["run"])

    def fault_for(self, path: str) -> Fault | None:
        """The next fault that this request meets."""
        with self._lock:
            for fault in self.faults:
                if path.startswith(fault.path):
                    self.faults.remove(fault)
                    return fault
            return self.stuck if self.stuck and path.startswith(self.stuck.path) else None

    def _log_in(self, body: Any) -> Answer:
        if not isinstance(body, dict) or not {"username", "password"} <= body.keys():
            return 422, _invalid(["body"], "Field required", body)
        if (body["username"], body["password"]) != (self.username, self.password):
            return 401, {"detail": "Invalid credentials"}
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return 201, {"access_token": token}

    def _show_dag(self, dag_id: str) -> Answer:
        if dag_id not in self.dag_ids:
            return 404, {"detail": f"The Dag with ID: `{dag_id}` was not found"}
        return 200, {"dag_id": dag_id, "is_paused": dag_id in self.paused}

    def _start(self, dag_id: str, body: Any) -> Answer:
        if not isinstance(body, dict) or "logical_date" not in body:
            return 422, _invalid(["body", "logical_date"], "Field required", body)
        if dag_id not in self.dag_ids:
            return 404, {"detail": f"DAG with dag_id: '{dag_id}' not found"}
        if body["conf"].keys() != _CONF_KEYS:
            return 400, {"detail": f"Invalid input for params: {sorted(body['conf'])}"}
        key = (dag_id, body["dag_run_id"])
        if key in self.runs:
            # Airflow's words for a violated unique key.
            hidden = {"statement": "hidden", "orig_error": "hidden"}
            return 409, {"detail": {"reason": "Unique constraint violation", **hidden}}
        now = datetime.now(UTC).isoformat()
        self.runs[key] = {
            "dag_run_id": body["dag_run_id"],
            "dag_id": dag_id,
            "logical_date": body["logical_date"],
            "run_type": "manual",
            "state": "queued",
            "queued_at": now,
            "run_after": now,
            "triggered_by": "rest_api",
            "conf": body["conf"],
        }
        return 200, self.runs[key]

    def _show(self, dag_id: str, run_id: str | None) -> Answer:
        run = self.runs.get((dag_id, run_id or ""))
        told = f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"
        return (200, run) if run else (404, {"detail": told})


@contextlib.contextmanager
def running(dag_ids: set[str], username: str, password: str) -> Iterator[AirflowApi]:
    """Serve on a free loopback port for the length of a `with` block."""
    server = ThreadingHTTPServer((HOST, 0), _Handler)
    server.daemon_threads = True
    server.api = AirflowApi(  # type: ignore[attr-defined]
        f"http://{HOST}:{server.server_port}", username, password, dag_ids
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.api  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the requests are kept in `AirflowApi.requests`."""

    def _serve(self) -> None:
        api: AirflowApi = self.server.api  # type: ignore[attr-defined]
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(content) if content else None
        api.requests.append((self.command, self.path, body))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        fault = api.fault_for(self.path)
        if fault is None or fault.is_late:
            status, answer = api.answer(self.command, self.path, token, body)
        if fault:
            time.sleep(fault.seconds)
            status, answer = fault.status, {"detail": fault.detail}
        if not status:
            self.close_connection = True
            return
        with contextlib.suppress(ConnectionError):
            self._write(status, json.dumps(answer).encode(), fault or Fault())

    def _write(self, status: int, content: bytes, fault: Fault) -> None:
        content = content if fault.content is None else fault.content
        is_odd = bool(fault.trickle) or "Content-Length" in fault.headers
        self.close_connection = self.close_connection or is_odd
        self.send_response(status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in fault.headers:
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        if not fault.trickle:
            self.end_headers()
            self.wfile.write(content)
            return
        lines = b"".join(self._headers_buffer)  # type: ignore[attr-defined]
        for byte in lines + b"\r\n" + content:
            self.wfile.write(bytes([byte]))
            time.sleep(fault.trickle)


def _invalid(place: list[str], message: str, given: Any) -> dict[str, Any]:
    """The answer to a body that breaks the schema; like the real one, it repeats what was given."""
    return {"detail": [{"type": "missing", "loc": place, "msg": message, "input": given}]}
