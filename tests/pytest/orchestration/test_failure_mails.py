"""Each failure is told by one mail: of its task, or of its run where the task could not tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from shelfweek.clusters import ClusterError
from shelfweek.engine import EngineError

RUN = "nightly__2026-11-20"


class Notes(dict[str, bool]):
    """What the tasks of the run have noted; also their end of it."""

    def of_task(self, task_id: str) -> Any:
        """A task instance, as its own process sees it."""
        return SimpleNamespace(
            task_id=task_id,
            try_number=1,
            log_url="https://airflow/log",
            xcom_push=lambda _, told: self.update({task_id: told}),
        )


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def mails(dag_bag: Any, notes: Notes, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The mails that are sent. Airflow's database and SES are stood in for."""
    import failure_mails

    sent: list[dict[str, Any]] = []
    ses = SimpleNamespace(send_email=lambda **mail: sent.append(mail))
    monkeypatch.setattr(failure_mails, "SesHook", lambda: ses)
    one = SimpleNamespace(get_one=lambda task_id, **_: notes.get(task_id))
    monkeypatch.setattr(failure_mails, "BaseXCom", one)
    return sent


def context(**more: Any) -> dict[str, Any]:
    """What Airflow gives to a callback."""
    params = {"load_date": "2026-11-20"}
    return {"dag": SimpleNamespace(dag_id="night"), "run_id": RUN, "params": params, **more}


def run_ends(monkeypatch: pytest.MonkeyPatch, states: dict[str, str], **more: Any) -> None:
    """The run has failed, with its tasks in these states."""
    import failure_mails

    instance = SimpleNamespace(get_task_states=lambda _, run_ids: {run_ids[0]: states})
    monkeypatch.setattr(failure_mails, "RuntimeTaskInstance", instance)
    failure_mails.tell_of_run(context(reason="task_failure", **more))


def test_a_task_tells_its_failure_without_values(
    mails: list[dict[str, Any]], notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failure_mails import tell_of_task

    failure = EngineError("[CAST_INVALID_INPUT] The value 'Mrs <b>' is no INT\n4.50")
    tell_of_task(context(ti=notes.of_task("register_run"), exception=failure))
    (mail,) = mails
    assert mail["subject"] == "Shelfweek 2026-11-20: register_run failed"
    assert (
        "<p>EngineError: [CAST_INVALID_INPUT] The value ... is no INT</p>" in (mail["html_content"])
    )
    assert "https://airflow/log" in mail["html_content"]
    assert "Mrs" not in mail["html_content"]
    run_ends(monkeypatch, {"register_run": "failed", "models": "upstream_failed"})
    assert len(mails) == 1


def test_what_emr_says_is_told_whole(mails: list[dict[str, Any]], notes: Notes) -> None:
    from failure_mails import tell_of_task

    failure = ClusterError("EMR starts no cluster: Instance type 'm7g.xlarge' is not supported")
    tell_of_task(context(ti=notes.of_task("create_cluster"), exception=failure))
    assert "type &#x27;m7g.xlarge&#x27; is not" in mails[0]["html_content"]


def test_a_killed_task_is_told_by_its_run_once(
    mails: list[dict[str, Any]], notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failure_mails import tell_of_task

    # The scheduler found it dead: the DAG processor calls, without an exception.
    tell_of_task(context(ti=notes.of_task("sweep_lake")))
    assert mails == []
    run_ends(monkeypatch, {"sweep_lake": "failed", "publish_report": "success"})
    (mail,) = mails
    assert mail["subject"] == "Shelfweek 2026-11-20: sweep_lake failed"
    assert "killed" in mail["html_content"]


def test_a_task_whose_mail_was_refused_is_told_by_its_run(
    mails: list[dict[str, Any]], notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import failure_mails

    def refuse(**_: Any) -> None:
        raise OSError("no answer of SES")

    with monkeypatch.context() as refusing:
        refusing.setattr(failure_mails, "SesHook", lambda: SimpleNamespace(send_email=refuse))
        ti = notes.of_task("register_run")
        with pytest.raises(OSError, match="no answer"):
            failure_mails.tell_of_task(context(ti=ti, exception=ValueError("x")))
    run_ends(monkeypatch, {"register_run": "failed"})
    assert [mail["subject"] for mail in mails] == ["Shelfweek 2026-11-20: register_run failed"]


def test_a_run_that_fails_without_a_failed_task_is_told(
    mails: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ends(monkeypatch, {"register_run": "upstream_failed"}, params=None)
    (mail,) = mails
    assert mail["subject"] == "Shelfweek night: the run failed"
    assert "Airflow says: task_failure" in mail["html_content"]
