"""Airflow down, slow, refusing, failing for a while: what is tried again, what fails at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
from logins import Secret, secret_of
from nights import DAG_ID, Invoke, Mails, NightDump, Put, leaks, starts

import airflow_client
import handler
from airflow_client import AirflowClient
from airflow_login import AirflowError
from sandbox.airflow_api import AirflowApi, Fault
from sandbox.aws import Aws
from sandbox.processes import free_port

RUNS = f"/api/v2/dags/{DAG_ID}/dagRuns"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little time pass between tries."""
    monkeypatch.setattr(airflow_client, "FIRST_DELAY_SECONDS", 0.01)


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
        (Fault("/auth", 302, headers={"Location": "/auth/elsewhere"}), "to another page there"),
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


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://sso.example:8443/login?next=canary-password-0815", "to sso.example:8443, which"),
        ("https://u:canary-password-0815@sso.example/", "to sso.example, which"),
        ("//sso.example/x", "to sso.example, which"),
        ("https://[::1", "to an address that cannot be read, which"),
        ("https://<b>/", "to an address that cannot be read, which"),
    ],
)
def test_a_redirect_is_not_followed_and_told_by_its_host(
    location: str, told: str, put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.faults.append(Fault("/api", 307, headers={"Location": location}))
    outcome = check_here(check=1)
    assert f"Airflow answered 307: injected; it redirects {told}" in outcome.error
    (mail,) = mails()
    assert told in mail.text
    assert not leaks([mail])


@pytest.mark.parametrize("path", ["/auth", RUNS])
def test_an_answer_that_trickles_meets_the_deadline_of_its_request(
    path: str, put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    """Each byte comes in time; all of them would take a minute."""
    put()
    airflow.stuck = Fault(path, 200, trickle=0.2)
    began = time.monotonic()
    outcome = check_here(seconds=1.0, check=1)
    assert time.monotonic() - began < 2.5
    assert "TimeoutError timed out" in outcome.error
    assert "TimeoutError timed out" in mails()[0].text


def test_an_answer_that_is_cut_off_is_asked_for_again(
    put: Put, check_here: Invoke, airflow: AirflowApi, quick: None
) -> None:
    put()
    torn = Fault("/auth", 201, content=b'{"access', headers={"Content-Length": "99"})
    airflow.faults.append(torn)
    assert check_here(check=1).status == "started"


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
    airflow.faults.append(Fault(f"/api/v2/dags/{DAG_ID}", 200, content=b"<html>Log in</html>"))
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
        client_of(airflow).find_run(DAG_ID, "x")
    assert len(airflow.requests) == 6
    assert len(waits) == 5
    for number, waited in enumerate(waits):
        assert 2**number / 2 <= waited <= 2**number


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status: int, airflow: AirflowApi, waits: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    for value in ("7", later, "soon"):
        airflow.faults.append(Fault("/auth", status, headers={"Retry-After": value}))
    assert not client_of(airflow).find_run(DAG_ID, "x")
    assert waits[0] == 7
    assert 15 < waits[1] <= 20
    assert 2 <= waits[2] <= 4


def test_a_retry_after_beyond_the_time_that_is_left_ends_the_tries(
    airflow: AirflowApi, waits: list[float]
) -> None:
    airflow.faults.append(Fault("/auth", 429, headers={"Retry-After": "3600"}))
    with pytest.raises(AirflowError, match=r"429: injected \(tries: 1"):
        client_of(airflow).find_run(DAG_ID, "x")
    assert not waits


def test_a_bad_conf_is_refused_with_airflows_reason(airflow: AirflowApi) -> None:
    with pytest.raises(AirflowError, match="400: Invalid input for params"):
        client_of(airflow).start(DAG_ID, "nightly__1", {"load_date": "2026-11-21"})
