"""Airflow down, slow, refusing, failing for a while: what is tried again, what fails at once."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from nights import CANARIES, DAG_ID, Invoke, Mails, NightDump, Put, leaks, starts

import airflow_client
import handler
from airflow_client import AirflowClient, AirflowError, Login, LoginSecret
from sandbox.airflow_api import AirflowApi, Fault
from sandbox.aws import Aws
from sandbox.processes import free_port
from settings import Settings

RUNS = f"/api/v2/dags/{DAG_ID}/dagRuns"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little time pass between tries."""
    monkeypatch.setattr(airflow_client, "FIRST_DELAY_SECONDS", 0.01)


class Secret:
    """Secrets Manager with one secret; each read takes the next value, the last one for ever."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        self.reads += 1
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        return {"SecretString": value if isinstance(value, str) else json.dumps(value)}

    def login(self) -> LoginSecret:
        return LoginSecret(self, "arn:secret")


def secret_of(airflow: AirflowApi, **other: str) -> dict[str, str]:
    login = {"url": airflow.url, "username": airflow.username, "password": airflow.password}
    return {**login, **other}


# The whole check ------------------------------------------------------------------------------


def test_an_error_500_that_passes_wakes_nobody(
    put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.faults += [Fault("/auth", 500), Fault(RUNS, 503)]
    assert invoke(check=1).status == "started"
    assert not airflow.faults
    assert not mails()


def test_each_failed_try_is_logged(
    put: Put, check_here: Invoke, airflow: AirflowApi, quick: None
) -> None:
    put()
    airflow.faults += [Fault("/auth", 500), Fault(RUNS, 503)]
    outcome = check_here(check=1)
    tries = [line for line in outcome.log if line["event"] == "airflow_try_failed"]
    assert [line["reason"] for line in tries] == [
        "Airflow answered 500: injected",
        "Airflow answered 503: injected",
    ]
    assert outcome.status == "started"


def test_airflow_down_means_a_mail_that_the_files_are_ready_and_a_failed_invocation(
    dump: NightDump, put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails, quick: None
) -> None:
    put()
    nobody = Secret(secret_of(airflow, url=f"http://127.0.0.1:{free_port()}")).login()
    outcome = check_here(check=1, secret=nobody)
    assert outcome.error.startswith("AirflowError")
    assert "Connection refused" in outcome.error
    (mail,) = mails()
    assert "files ready, run not started, next check at 3:30 EST" in mail.subject
    assert f"All files of {dump.load_date} are ready (check 1 of 2), but the run was not" in (
        mail.text
    )
    assert "Connection refused" in mail.text
    assert outcome.events[-2:] == ["run_not_started", "mail_sent"]
    assert outcome.log[-2]["level"] == "ERROR"


def test_the_deployed_check_gives_up_early_enough_to_send_its_mail(
    account: Aws, put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.stuck = Fault()
    function = account.client("lambda")
    function.update_function_configuration(
        FunctionName="readiness", Timeout=int(handler.MAIL_SECONDS) + 4
    )
    try:
        outcome = invoke(check=2)
    finally:
        function.update_function_configuration(FunctionName="readiness", Timeout=180)
    assert f"{airflow.url}/auth/token: " in outcome.error
    (mail,) = mails()
    assert mail.subject.endswith("files ready, run not started, no check follows")


@pytest.mark.parametrize(
    ("path", "fault", "reason"),
    [
        ("/auth", Fault("/auth", seconds=2.5), "TimeoutError timed out"),
        (RUNS, Fault(RUNS, seconds=2.5, status=200), "TimeoutError timed out"),
        ("/auth", Fault("/auth"), "RemoteDisconnected"),
        (RUNS, Fault(RUNS, 502, "bad gateway"), "Airflow answered 502: bad gateway"),
    ],
)
def test_airflow_slow_or_broken_all_the_time_ends_within_the_time_that_is_left(
    path: str, fault: Fault, reason: str, put: Put, check_here: Invoke, airflow: AirflowApi,
    mails: Mails,
) -> None:  # fmt: skip
    put()
    airflow.stuck = fault
    began = time.monotonic()
    outcome = check_here(seconds=1.5, check=1)
    assert time.monotonic() - began < 4
    assert reason in outcome.error
    (mail,) = mails()
    assert reason in mail.text
    assert not airflow.runs


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(RUNS, 400, "Invalid input for param load_date"), "400: Invalid input for param"),
        (Fault(RUNS, 403, "Forbidden"), "403: Forbidden"),
        (Fault(RUNS, 404, "DAG with dag_id: 'x' not found"), "404: DAG with dag_id"),
        (Fault(RUNS, 422, "nonsense"), "422: nonsense"),
        (Fault("/auth", 302, headers={"Location": "/auth/elsewhere"}), "302: injected"),
        (Fault("/auth", 200, "a page for logging in"), "gave no token"),
    ],
)
def test_a_refusal_fails_at_once_with_its_reason(
    fault: Fault, reason: str, put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.faults.append(fault)
    outcome = check_here(check=1)
    assert reason in outcome.error
    assert reason in mails()[0].text
    assert sum(path.startswith(fault.path) for _, path, _ in airflow.requests) == 1


def test_a_dag_that_is_not_there_is_told(
    put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.dag_ids.remove(DAG_ID)
    try:
        outcome = invoke(check=1)
    finally:
        airflow.dag_ids.add(DAG_ID)
    assert f"Airflow answered 404: The Dag with ID: `{DAG_ID}` was not found" in outcome.error
    assert len(mails()) == 1


@pytest.mark.parametrize("check", [1, 2])
@pytest.mark.parametrize("has_run", [True, False])
def test_a_paused_dag_is_a_mail_with_its_remedy_and_no_success(
    check: int, has_run: bool, dump: NightDump, put: Put, invoke: Invoke, airflow: AirflowApi,
    mails: Mails,
) -> None:  # fmt: skip
    put()
    if has_run:
        assert invoke(check=1).status == "started"
    airflow.paused.add(DAG_ID)
    before = starts(airflow)
    outcome = invoke(check=check)
    assert outcome.error == f"the DAG {DAG_ID} is paused: its runs wait until it is unpaused"
    assert starts(airflow) == before
    (mail,) = mails()
    assert f"{dump.load_date}: DAG paused, night not loaded, " in mail.subject
    assert f"All files of {dump.load_date} are ready (check {check} of 2), but the DAG" in mail.text
    assert f"  airflow dags unpause {DAG_ID}" in mail.text
    assert "2. Check the night again" in mail.text


def test_it_is_one_too_where_the_files_have_changed_since_the_start(
    dump: NightDump, put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    assert check_here(check=1).status == "started"
    airflow.paused.add(DAG_ID)
    dump.contents["sales", dump.name("sales")] += b"more"
    put()
    outcome = check_here(check=2)
    assert outcome.error.startswith(f"PausedError: the DAG {DAG_ID} is paused")
    assert outcome.events == ["dump_checked", "dag_paused", "mail_sent"]
    (mail,) = mails()
    assert f"The run of {dump.load_date} is there (check 2 of 2), but the DAG" in mail.text


def test_a_paused_dag_does_not_matter_to_a_night_that_is_not_ready(
    check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    airflow.paused.add(DAG_ID)
    assert check_here(check=1).status == "not_ready"
    assert "paused" not in mails()[0].text


def test_an_airflow_that_does_not_tell_is_told(
    put: Put, check_here: Invoke, airflow: AirflowApi
) -> None:
    put()
    airflow.faults.append(Fault(f"/api/v2/dags/{DAG_ID}", 200))
    assert f"does not tell whether the DAG {DAG_ID} is paused" in check_here(check=1).error


def test_a_start_whose_answer_was_lost_meets_its_own_run(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails, quick: None
) -> None:
    put()
    airflow.faults.append(Fault(RUNS, is_late=True))
    assert check_here(check=1).status == "already_started"
    assert starts(airflow) == 2
    assert len(airflow.runs) == 1
    assert not mails()


def test_a_broken_night_is_told_although_airflow_is_down(
    check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    airflow.stuck = Fault()
    outcome = check_here(seconds=0.5, check=2)
    assert outcome.status == "not_ready"
    assert "run_unknown" in outcome.events
    (mail,) = mails()
    assert "Airflow could not be asked whether" in mail.text
    assert "not loaded, no check follows" in mail.subject


# The login --------------------------------------------------------------------------------------


def test_a_rotated_password_is_read_anew_once(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    secret = Secret(secret_of(airflow, password="old"), secret_of(airflow))  # noqa: S106
    outcome = check_here(check=1, secret=secret.login())
    assert outcome.status == "started"
    assert secret.reads == 2
    assert "airflow_login_refused" in outcome.events
    assert not mails()


def test_a_wrong_password_fails_after_it_was_read_anew(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    secret = Secret(secret_of(airflow, password="wrong"))  # noqa: S106
    outcome = check_here(check=1, secret=secret.login())
    assert outcome.error == "UnauthorizedError: Airflow answered 401: Invalid credentials"
    assert secret.reads == 2
    assert [path for _, path, _ in airflow.requests] == ["/auth/token"] * 2
    assert "Airflow answered 401: Invalid credentials" in mails()[0].text


def test_a_token_that_is_refused_is_asked_for_once_more(
    put: Put, check_here: Invoke, airflow: AirflowApi
) -> None:
    put()
    airflow.faults.append(Fault(RUNS, 401, "Invalid JWT token"))
    assert check_here(check=1).status == "started"


def test_the_secret_is_read_once_for_many_checks(airflow: AirflowApi) -> None:
    secret = Secret(secret_of(airflow))
    login = secret.login()
    assert login.read() is login.read()
    assert secret.reads == 1


@pytest.mark.parametrize(
    "value",
    [
        "canary-password-0815",
        "",
        [],
        {"url": "https://airflow.example", "username": "u"},
        {"url": "https://airflow.example", "username": "u", "password": ""},
        {"url": "https://airflow.example", "username": "u", "password": None},
        {"url": 7, "username": "u", "password": "canary-password-0815"},
        {"url": "http://airflow.example", "username": "u", "password": "canary-password-0815"},
        {"url": "file:///etc/passwd", "username": "u", "password": "canary-password-0815"},
        {"url": "https://u:canary-password-0815@airflow.example", "username": "u", "password": "p"},
        {"url": "https://a.example/?t=canary-password-0815", "username": "u", "password": "p"},
    ],
)
def test_a_secret_that_is_no_login_is_refused_without_quoting_it(
    value: Any, put: Put, check_here: Invoke, mails: Mails
) -> None:
    put()
    outcome = check_here(check=1, secret=Secret(value).login())
    assert "the secret arn:secret does not hold JSON with url" in outcome.error
    assert not leaks(mails())


def test_a_secret_that_cannot_be_read_is_told(
    account: Aws, put: Put, check_here: Invoke, mails: Mails
) -> None:
    put()
    nothing = LoginSecret(account.client("secretsmanager"), "shelfweek/nothing")
    outcome = check_here(check=1, secret=nothing)
    assert "the secret shelfweek/nothing cannot be read" in outcome.error
    assert "ResourceNotFoundException" in mails()[0].text


def test_a_login_does_not_show_its_secrets() -> None:
    login = Login("https://airflow.example", *CANARIES)
    assert not leaks([login, repr(login), f"{login}", [login], {"login": login}])


def test_what_airflow_repeats_of_our_login_is_not_told(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.faults.append(Fault("/auth", 403, f"user {CANARIES[0]} with {CANARIES[1]} is locked"))
    outcome = check_here(check=1)
    assert "user *** with *** is locked" in outcome.error
    assert not leaks(mails())


def test_the_input_that_a_422_repeats_is_not_told(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    # What it repeats is another spelling than the secret's, so that no search would find it.
    spelled = list(CANARIES[1])
    detail = [{"type": "x", "loc": ["body"], "msg": "Field required", "input": spelled}]
    airflow.faults.append(Fault("/auth", 422, detail))
    outcome = check_here(check=1)
    assert outcome.error == "AirflowError: Airflow answered 422: ['body']: Field required"
    assert "'c', 'a', 'n'" not in mails()[0].text


# The client -------------------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the client waited between tries; no time passes."""
    waited: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=waited.append)
    monkeypatch.setattr(airflow_client, "time", clock)
    return waited


def client_of(airflow: AirflowApi, seconds: float = 60.0) -> AirflowClient:
    return AirflowClient(Secret(secret_of(airflow)).login(), seconds, lambda *_, **__: None)


def test_waits_grow_and_tries_end(airflow: AirflowApi, waits: list[float]) -> None:
    airflow.stuck = Fault("/auth", 500)
    with pytest.raises(AirflowError, match=r"500: injected \(tries: 6, seconds allowed: 60\)"):
        client_of(airflow).has_run(DAG_ID, "x")
    assert len(airflow.requests) == 6
    assert len(waits) == 5
    for number, waited in enumerate(waits):
        assert 2**number / 2 <= waited <= 2**number


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status: int, airflow: AirflowApi, waits: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    for value in ("7", later, "soon"):
        airflow.faults.append(Fault("/auth", status, headers={"Retry-After": value}))
    assert not client_of(airflow).has_run(DAG_ID, "x")
    assert waits[0] == 7
    assert 15 < waits[1] <= 20
    assert 2 <= waits[2] <= 4


def test_a_retry_after_beyond_the_time_that_is_left_ends_the_tries(
    airflow: AirflowApi, waits: list[float]
) -> None:
    airflow.faults.append(Fault("/auth", 429, headers={"Retry-After": "3600"}))
    with pytest.raises(AirflowError, match=r"429: injected \(tries: 1"):
        client_of(airflow).has_run(DAG_ID, "x")
    assert not waits


def test_a_run_is_found_and_its_absence_too(airflow: AirflowApi) -> None:
    client = client_of(airflow)
    conf = dict.fromkeys(("load_date", "landing_uri", "files", "manifest", "emr"))
    assert not client.has_run(DAG_ID, "nightly__1")
    assert client.start(DAG_ID, "nightly__1", conf)
    assert client.has_run(DAG_ID, "nightly__1")
    assert not client.start(DAG_ID, "nightly__1", conf)


def test_a_bad_conf_is_refused_with_airflows_reason(airflow: AirflowApi) -> None:
    with pytest.raises(AirflowError, match="400: Invalid input for params"):
        client_of(airflow).start(DAG_ID, "nightly__1", {"load_date": "2026-11-21"})


def test_settings_hold_no_secret(settings: Settings) -> None:
    assert not leaks([settings])
