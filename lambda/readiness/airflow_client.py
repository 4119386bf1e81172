"""The questions to Airflow's REST API: start this run, how is it, is its DAG paused.

Airflow's answers decide what happens next: a run is believed to be there only if an answer shows
it, after a 409 too; 429, 5xx and broken connections are tried again within the time that is left;
everything else fails at once, with the reason that Airflow gives. A start whose answer was lost is
tried again too: it then meets its own run, as a 409.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import http_answer
from airflow_login import AirflowError, Login, LoginSecret, is_token
from http_answer import Answer

REQUEST_SECONDS = 10.0
MAX_TRIES = 6
FIRST_DELAY_SECONDS = 1.0
MAX_REASON_LENGTH = 400

# What may mean that there is no login by username and password at all.
NO_LOGIN = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

# Writes one line of the log: an event and its fields.
Log = Callable[..., None]


class UnauthorizedError(AirflowError):
    """Airflow does not accept the login."""


class PausedError(AirflowError):
    """Airflow starts no run of the DAG, and leaves those that it has in their queue."""


class RunState(StrEnum):
    """The state of a DAG run, as Airflow calls it."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True)
class Run:
    """A DAG run that Airflow has shown.

    Attributes:
        queued_at: since when it waits or waited; None where Airflow does not tell.
    """

    state: RunState
    queued_at: datetime | None


class AirflowClient:
    """Airflow, for one invocation.

    Args:
        seconds: how long everything that is asked of it may take, in all.
        log: gets a line for each failed try.
    """

    def __init__(self, secret: LoginSecret, seconds: float, log: Log) -> None:
        self._secret = secret
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._log = log

    def start(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> Run | None:
        """Start a run and return None; return the run if one of this id is there already.

        Raises:
            AirflowError: there is no such run, as far as can be known.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        answer = self._ask("POST", f"/api/v2/dags/{_quote(dag_id)}/dagRuns", body)
        if answer.status == HTTPStatus.CONFLICT:
            # Airflow says so of other faults as well.
            if run := self.find_run(dag_id, run_id):
                return run
            raise AirflowError(f"{self._reason(answer)}; there is no run {run_id}")
        self._expect_success(answer)
        self._run_in(answer, dag_id, run_id)
        return None

    def find_run(self, dag_id: str, run_id: str) -> Run | None:
        """Return the run of this id; None where there is none.

        Raises:
            AirflowError: Airflow was not reached or refused.
        """
        answer = self._ask("GET", f"/api/v2/dags/{_quote(dag_id)}/dagRuns/{_quote(run_id)}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        self._expect_success(answer)
        return self._run_in(answer, dag_id, run_id)

    def expect_unpaused(self, dag_id: str) -> None:
        """Make sure that runs of a DAG do not wait in a queue for ever.

        Raises:
            PausedError: they do.
            AirflowError: Airflow was not reached or refused.
        """
        answer = self._ask("GET", f"/api/v2/dags/{_quote(dag_id)}")
        self._expect_success(answer)
        is_paused = answer.json.get("is_paused") if isinstance(answer.json, dict) else None
        if not isinstance(is_paused, bool):
            raise AirflowError(
                f"Airflow does not tell whether the DAG {dag_id} is paused: {self._whose(answer)}"
            )
        if is_paused:
            raise PausedError(f"the DAG {dag_id} is paused: its runs wait until it is unpaused")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Log in and ask; once more with the secret read anew if the login is not accepted."""
        try:
            return self._ask_once(method, path, body)
        except UnauthorizedError as error:
            self._log("airflow_login_refused", reason=str(error))
            self._secret.forget()
            return self._ask_once(method, path, body)

    def _ask_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        login = self._secret.read()
        token = login.token or self._token(login)
        answer = self._send(method, login.url + path, body, {"Authorization": f"Bearer {token}"})
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._expect_success(answer)
        return answer

    def _token(self, login: Login) -> str:
        url = f"{login.url}/auth/token"
        answer = self._send(
            "POST", url, {"username": login.username, "password": login.password}, {}
        )
        if 300 <= answer.status < 400 or answer.status in NO_LOGIN:
            raise AirflowError(
                f"{self._reason(answer)}: {url} gave no token for this username and password. "
                "A managed Airflow may have no such login: docs/readiness.md, Login to Airflow"
            )
        self._expect_success(answer)
        token = answer.json.get("access_token") if isinstance(answer.json, dict) else None
        if not is_token(token):
            raise AirflowError(f"{url} gave no token, is that Airflow 3? {self._whose(answer)}")
        self._secret.hide(str(token))
        return str(token)

    def _send(
        self, method: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send until there is an answer that another try would not change.

        Raises:
            AirflowError: no such answer in the tries and the time that there are.
        """
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        for attempt in range(1, MAX_TRIES + 1):
            wait = FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311
            try:
                seconds = min(REQUEST_SECONDS, self._time_left())
                answer = http_answer.ask(method, url, headers, content, seconds)
            except (OSError, http.client.HTTPException) as error:
                reason = self._secret.scrub(f"{type(error).__name__} {error}")[:MAX_REASON_LENGTH]
            else:
                if answer.status != HTTPStatus.TOO_MANY_REQUESTS and answer.status < 500:
                    return answer
                reason = self._reason(answer)
                wait = max(wait, _retry_after(answer))
            self._log("airflow_try_failed", attempt=attempt, reason=reason)
            if attempt == MAX_TRIES or wait >= self._time_left():
                break
            time.sleep(wait)
        raise AirflowError(
            f"{url}: {reason} (tries: {attempt}, seconds allowed: {self._seconds:.0f})"
        )

    def _time_left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())

    def _run_in(self, answer: Answer, dag_id: str, run_id: str) -> Run:
        """Read a run out of an answer.

        Raises:
            AirflowError: it shows something else.
        """
        told = answer.json if isinstance(answer.json, dict) else {}
        states = [state.value for state in RunState]
        is_ours = (told.get("dag_id"), told.get("dag_run_id")) == (dag_id, run_id)
        if not is_ours or told.get("state") not in states:
            raise AirflowError(
                f"an answer of status {answer.status} does not show the run {run_id} of the DAG "
                f"{dag_id}: {self._whose(answer)}"
            )
        return Run(RunState(told["state"]), _time(told.get("queued_at") or told.get("run_after")))

    def _whose(self, answer: Answer) -> str:
        """Say of an answer that is not as expected what it may be."""
        kind = "JSON of something else" if answer.json is not None else "a page or a text, no JSON"
        return f"it is {kind}. Does {self._secret.read().url} lead to Airflow itself?"

    def _expect_success(self, answer: Answer) -> None:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise UnauthorizedError(self._reason(answer))
        if not 200 <= answer.status < 300:
            raise AirflowError(self._reason(answer))

    def _reason(self, answer: Answer) -> str:
        """Say what Airflow said, without what it repeats of our own words."""
        reason = self._secret.scrub(_detail(answer.json))[:MAX_REASON_LENGTH] or "no reason"
        if 300 <= answer.status < 400:
            reason += (
                f"; it redirects to {answer.elsewhere}, which is not followed: the secret's url "
                "must be Airflow's own address"
            )
        return f"Airflow answered {answer.status}: {reason}"


def _detail(content: Any) -> str:
    """Return the reason in an error's JSON: a text, an object with a reason, or a list of faults.

    A fault of a list names where it is and what it is, and repeats the input, which stays out.
    """
    detail = content.get("detail") if isinstance(content, dict) else None
    if isinstance(detail, dict):
        detail = detail.get("reason")
    if isinstance(detail, list):
        faults = [fault for fault in detail if isinstance(fault, dict)]
        return "; ".join(f"{fault.get('loc')}: {fault.get('msg')}" for fault in faults)
    return detail if isinstance(detail, str) else ""


def _retry_after(answer: Answer) -> float:
    """Seconds that the answer asks to wait; 0 if it does not."""
    value = answer.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _quote(part: str) -> str:
    return urllib.parse.quote(part, safe="")
