"""A run is believed only if Airflow shows it, and one that will not load the night is told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from logins import Secret, secret_of
from nights import DAG_ID, Invoke, Mails, NightDump, Put, starts

import handler
from airflow_client import AirflowClient, Run, RunState
from sandbox.airflow_api import AirflowApi, Fault

RUNS = f"/api/v2/dags/{DAG_ID}/dagRuns"


@pytest.fixture
def run(put: Put, check_here: Invoke, airflow: AirflowApi, load_date: date) -> dict[str, Any]:
    """The night's run, as it is after the first check; tests change it."""
    put()
    assert check_here(check=1).status == "started"
    return airflow.runs[DAG_ID, f"nightly__{load_date}"]


def ago(**time: float) -> str:
    return (datetime.now(UTC) - timedelta(**time)).isoformat()


@pytest.mark.parametrize("state", ["queued", "running", "success"])
@pytest.mark.parametrize("check", [1, 2, None])
def test_a_run_that_can_still_succeed_wakes_nobody(
    state: str, check: int | None, run: dict[str, Any], check_here: Invoke, mails: Mails
) -> None:
    run["state"] = state
    outcome = check_here(check=check)
    assert outcome.status == "already_started"
    assert outcome.events[-1] == "night_already_started"
    assert not mails()


@pytest.mark.parametrize("check", [1, 2, None])
def test_a_run_that_failed_is_a_mail_that_says_how_to_run_it_again(
    check: int | None, run: dict[str, Any], check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    run["state"] = "failed"
    before = starts(airflow)
    outcome = check_here(check=check)
    assert outcome.status == "run_failed"
    assert starts(airflow) == before + 1
    (mail,) = mails()
    assert ": run failed, night not loaded, " in mail.subject
    assert f"clear the failed tasks of {run['dag_run_id']} in Airflow" in mail.text
    assert f"delete {run['dag_run_id']} in Airflow first. Check the night again" in mail.text


def test_it_is_one_too_where_the_files_have_changed(
    run: dict[str, Any], dump: NightDump, put: Put, check_here: Invoke, mails: Mails
) -> None:
    run["state"] = "failed"
    dump.contents["sales", dump.name("sales")] += b"more"
    put()
    assert check_here(check=2).status == "run_failed"
    (mail,) = mails()
    assert "sales      too long" in mail.text


@pytest.mark.parametrize(
    "times", [{"queued_at": ago(minutes=31)}, {"queued_at": None, "run_after": ago(minutes=31)}]
)
def test_a_run_that_waits_since_the_first_check_is_a_mail_at_the_second(
    times: dict[str, Any], run: dict[str, Any], check_here: Invoke, mails: Mails
) -> None:
    run |= times
    outcome = check_here(check=2)
    assert outcome.status == "run_queued"
    assert "run_queued" in outcome.events
    (mail,) = mails()
    assert mail.subject.endswith(": run waits, night not loaded, no check follows")
    assert "but waits in its queue since 20" in mail.text


def test_a_run_of_an_unknown_age_is_not_told(run: dict[str, Any], check_here: Invoke) -> None:
    run |= {"queued_at": "yesterday", "run_after": None}
    assert check_here(check=2).status == "already_started"


def test_a_paused_dag_does_not_matter_to_a_night_that_was_loaded(
    run: dict[str, Any], dump: NightDump, put: Put, check_here: Invoke, airflow: AirflowApi,
    mails: Mails,
) -> None:  # fmt: skip
    run["state"] = "success"
    airflow.paused.add(DAG_ID)
    assert check_here(check=2).status == "already_started"
    dump.contents["sales", dump.name("sales")] += b"more"
    put()
    assert check_here(check=2).status == "already_started"
    assert not mails()


PAGE = b"<!DOCTYPE html><title>Log in</title>"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PAGE, "it is a page or a text, no JSON"),
        (b"", "it is a page or a text, no JSON"),
        (b"{}", "it is JSON of something else"),
        (b"[]", "it is JSON of something else"),
        (b"7", "it is JSON of something else"),
        ({"dag_run_id": "nightly__2020-01-01"}, "it is JSON of something else"),
        ({"dag_id": "another"}, "it is JSON of something else"),
        ({"state": None}, "it is JSON of something else"),
        ({"state": ["queued"]}, "it is JSON of something else"),
        ({"state": "removed"}, "it is JSON of something else"),
    ],
)
@pytest.mark.parametrize("is_there", [False, True])
def test_an_answer_that_shows_no_run_of_the_night_is_no_start(
    is_there: bool, content: Any, told: str, dump: NightDump, put: Put, check_here: Invoke,
    airflow: AirflowApi, mails: Mails,
) -> None:  # fmt: skip
    put()
    run_id = f"nightly__{dump.load_date}"
    if is_there:
        airflow.faults.append(Fault(RUNS, 409))
    airflow.faults.append(Fault(RUNS, 200, content=answer_with(content, run_id)))
    outcome = check_here(check=1)
    assert f"does not show the run {run_id} of the DAG {DAG_ID}: {told}" in outcome.error
    assert f"Does {airflow.url} lead to Airflow itself?" in outcome.error
    (mail,) = mails()
    assert "files ready, run not started" in mail.subject


def answer_with(content: Any, run_id: str) -> bytes:
    """Bytes as they are, or those of a run of the night but for some fields."""
    if isinstance(content, bytes):
        return content
    run = {"dag_id": DAG_ID, "dag_run_id": run_id, "state": "queued", "queued_at": None}
    return json.dumps(run | content).encode()


def test_a_409_of_another_fault_is_told_with_its_reason(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails, load_date: date
) -> None:
    put()
    airflow.faults.append(Fault(RUNS, 409, "the DAG is being deleted"))
    outcome = check_here(check=2)
    told = f"Airflow answered 409: the DAG is being deleted; there is no run nightly__{load_date}"
    assert told in outcome.error
    (mail,) = mails()
    assert told in mail.text


def test_the_client_starts_a_run_once_and_shows_it(airflow: AirflowApi) -> None:
    client = AirflowClient(Secret(secret_of(airflow)).login(), 60, lambda *_, **__: None)
    conf = dict.fromkeys(("load_date", "landing_uri", "files", "manifest", "emr"))
    assert client.find_run(DAG_ID, "nightly__1") is None
    assert client.start(DAG_ID, "nightly__1", conf) is None
    queued_at = datetime.fromisoformat(airflow.runs[DAG_ID, "nightly__1"]["queued_at"])
    assert client.start(DAG_ID, "nightly__1", conf) == Run(RunState.QUEUED, queued_at)
    assert client.find_run(DAG_ID, "nightly__1") == Run(RunState.QUEUED, queued_at)


def test_a_run_may_wait_for_less_than_the_time_between_the_checks() -> None:
    assert timedelta(minutes=5) < handler.LONGEST_QUEUE < timedelta(minutes=30)
