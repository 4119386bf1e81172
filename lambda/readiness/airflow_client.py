"""The three questions to Airflow's REST API: start this run, is it there, is its DAG paused.

Airflow's answers decide what happens next: 409 says that the run is there, which is as good as a
start; 429, 5xx and broken connections are tried again within the time that is left; everything
else fails at once, with the reason that Airflow gives. A start whose answer was lost is tried
again too: it then meets its own run, as a 409.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

REQUEST_SECONDS = 10.0
MAX_TRIES = 6
FIRST_DELAY_SECONDS = 1.0
MAX_ANSWER_BYTES = 1 << 16
MAX_REASON_LENGTH = 400

# Writes one line of the log: an event and its fields.
Log = Callable[..., None]


class AirflowError(Exception):
    """Airflow was not reached or refused; the message says why and never holds a credential."""


class UnauthorizedError(AirflowError):
    """Airflow does not accept the login."""


class PausedError(AirflowError):
    """Airflow starts no run of the DAG, and leaves those that it has in their queue."""


@dataclass(frozen=True)
class Login:
    """Airflow's address and our login there; only the address shows when it is printed."""

    url: str
    username: str = field(repr=False)
    password: str = field(repr=False)


class LoginSecret:
    """The login in Secrets Manager, read once per execution environment.

    The secret holds JSON: `{"url": "https://...", "username": "...", "password": "..."}`.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn
        self._login: Login | None = None

    def read(self) -> Login:
        """Return the login.

        Raises:
            AirflowError: the secret cannot be read or does not hold a login.
        """
        if self._login is None:
            self._login = self._read()
        return self._login

    def forget(self) -> None:
        """Read the secret anew next time: it may have been rotated."""
        self._login = None

    def _read(self) -> Login:
        try:
            text = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        except (BotoCoreError, ClientError, KeyError) as error:
            raise AirflowError(f"the secret {self._arn} cannot be read: {error}") from None
        try:
            values = json.loads(text)
            login = Login(values["url"], values["username"], values["password"])
            is_login = min(len(login.username), len(login.password)) > 0 and _is_plain(login.url)
        except (ValueError, KeyError, TypeError, AttributeError):
            is_login = False
        if not is_login:
            # Not chained to its cause, which may quote the secret.
            raise AirflowError(
                f"the secret {self._arn} does not hold JSON with url (https://<host>[:<port>]), "
                "username and password"
            )
        return Login(login.url.rstrip("/"), login.username, login.password)


def _is_plain(url: str) -> bool:
    """Whether a URL is https (or this machine, as in tests) and carries no login of its own."""
    parts = urllib.parse.urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    is_safe = bool(parts.hostname) and (parts.scheme == "https" or is_local)
    return is_safe and not (parts.username or parts.password or parts.query or parts.fragment)


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Message
    content: bytes

    @property
    def json(self) -> Any:
        """The content; None where it is no JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


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

    def start(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
        """Start a run and return True; return False if a run of this id is there already.

        Raises:
            AirflowError: there is no such run, as far as can be known.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        answer = self._ask("POST", f"/api/v2/dags/{_quote(dag_id)}/dagRuns", body)
        if answer.status == HTTPStatus.CONFLICT:
            return False
        self._expect_success(answer)
        return True

    def has_run(self, dag_id: str, run_id: str) -> bool:
        """Whether a run of this id is there.

        Raises:
            AirflowError: Airflow was not reached or refused.
        """
        answer = self._ask("GET", f"/api/v2/dags/{_quote(dag_id)}/dagRuns/{_quote(run_id)}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        self._expect_success(answer)
        return True

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
            raise AirflowError(f"Airflow does not tell whether the DAG {dag_id} is paused")
        if is_paused:
            raise PausedError(f"the DAG {dag_id} is paused: its runs wait until it is unpaused")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> _Answer:
        """Log in and ask; once more with the secret read anew if the login is not accepted."""
        try:
            return self._ask_once(method, path, body)
        except UnauthorizedError as error:
            self._log("airflow_login_refused", reason=str(error))
            self._secret.forget()
            return self._ask_once(method, path, body)

    def _ask_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> _Answer:
        login = self._secret.read()
        credentials = {"username": login.username, "password": login.password}
        answer = self._send(_request(login, "POST", "/auth/token", credentials))
        self._expect_success(answer)
        token = answer.json.get("access_token") if isinstance(answer.json, dict) else None
        if not isinstance(token, str):
            raise AirflowError(f"{login.url}/auth/token gave no token: is that Airflow 3?")
        request = _request(login, method, path, body)
        request.add_header("Authorization", f"Bearer {token}")
        answer = self._send(request)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._expect_success(answer)
        return answer

    def _send(self, request: urllib.request.Request) -> _Answer:
        """Send until there is an answer that another try would not change.

        Raises:
            AirflowError: no such answer in the tries and the time that there are.
        """
        for attempt in range(1, MAX_TRIES + 1):
            wait = FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311
            try:
                answer = _open(request, min(REQUEST_SECONDS, self._time_left()))
            except (OSError, http.client.HTTPException) as error:
                reason = _reason_of(error)
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
            f"{request.full_url}: {reason} (tries: {attempt}, seconds allowed: {self._seconds:.0f})"
        )

    def _time_left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())

    def _expect_success(self, answer: _Answer) -> None:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise UnauthorizedError(self._reason(answer))
        if not 200 <= answer.status < 300:
            raise AirflowError(self._reason(answer))

    def _reason(self, answer: _Answer) -> str:
        """Say what Airflow said, without what it repeats of our own words."""
        login = self._secret.read()
        reason = _detail(answer.json).replace(login.password, "***").replace(login.username, "***")
        return f"Airflow answered {answer.status}: {reason[:MAX_REASON_LENGTH] or 'no reason'}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: followed, it would take our token to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _open(request: urllib.request.Request, seconds: float) -> _Answer:
    """Send once.

    Raises:
        OSError, http.client.HTTPException: there was no whole answer.
    """
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=seconds) as response:
            return _Answer(response.status, response.headers, response.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return _Answer(error.code, error.headers, error.read(MAX_ANSWER_BYTES))


def _request(
    login: Login, method: str, path: str, body: Mapping[str, Any] | None
) -> urllib.request.Request:
    return urllib.request.Request(  # noqa: S310 (the login's url is checked)
        login.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )


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


def _reason_of(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return f"{type(cause).__name__} {cause}" if isinstance(cause, Exception) else str(cause)


def _retry_after(answer: _Answer) -> float:
    """Seconds that the answer asks to wait; 0 if it does not."""
    value = answer.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _quote(part: str) -> str:
    return urllib.parse.quote(part, safe="")
