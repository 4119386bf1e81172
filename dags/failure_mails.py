"""A mail for each task that fails, and one for a run that fails otherwise.

A task that fails in its own process tells why, and notes that it has told. What ends without that
(a process that was killed, a lost worker, a run that gets stuck) is told by the run when it has
ended. There Airflow runs the callback in the DAG processor, which can read notes and write none.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.providers.amazon.aws.hooks.ses import SesHook
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from account import variable
from shelfweek.failures import without_values
from shelfweek.forms import mail_addresses

TOLD = "failure_told"
"""Key of the note (an XCom) that a task has sent its mail."""


def tell_of_task(context: Mapping[str, Any]) -> None:
    """Callback of a task: send its mail; nothing where its process did not live to say why."""
    if (failure := context.get("exception")) is None:
        return
    ti = context["ti"]
    _send(
        context,
        f"{ti.task_id} failed",
        f"<p>Task <b>{html.escape(ti.task_id)}</b> failed (run {_run_page(context)}, try "
        f"{ti.try_number}).</p>"
        f"<p>{html.escape(without_values(failure))}</p>"
        f"<p>Log: <a href='{html.escape(ti.log_url)}'>{html.escape(ti.log_url)}</a></p>",
    )
    ti.xcom_push(TOLD, True)


def tell_of_run(context: Mapping[str, Any]) -> None:
    """Callback of a DAG: one mail of the failed tasks that sent none, or of a run without any."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    states = RuntimeTaskInstance.get_task_states(dag_id, run_ids=[run_id]).get(run_id, {})
    failed = sorted(task_id for task_id, state in states.items() if state == "failed")
    silent = [task_id for task_id in failed if not _has_told(dag_id, run_id, task_id)]
    if failed and not silent:
        return
    if silent:
        what = f"{', '.join(silent)} failed"
        why = "It was killed, or lost its worker, and could not say why; the log may."
    else:
        what = "the run failed"
        why = f"No task of it failed. Airflow says: {without_values(context.get('reason'))}"
    _send(
        context,
        what,
        f"<p>{html.escape(what)} (run {_run_page(context)}).</p><p>{html.escape(why)}</p>",
    )


def _has_told(dag_id: str, run_id: str, task_id: str) -> bool:
    return bool(BaseXCom.get_one(key=TOLD, dag_id=dag_id, task_id=task_id, run_id=run_id))


def _run_page(context: Mapping[str, Any]) -> str:
    """A link to the run's page."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    page = html.escape(f"{base}/dags/{dag_id}/runs/{quote(run_id, safe='')}")
    return f"<a href='{page}'>{html.escape(run_id)}</a>"


def _send(context: Mapping[str, Any], what: str, told: str) -> None:
    night = (context.get("params") or {}).get("load_date") or context["dag"].dag_id
    SesHook().send_email(
        mail_from=variable("SHELFWEEK_MAIL_FROM"),
        to=mail_addresses(variable("SHELFWEEK_MAIL_TO")),
        subject=f"Shelfweek {night}: {what}",
        html_content=f"{told}<p>Readers see the published tables as they were, unless "
        "models.runs_run is green. What to do: docs/orchestration.md.</p>",
    )
