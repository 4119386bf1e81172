"""The readiness check: is tonight's dump whole? Then start the night's run, else tell people.

Invoked by two schedules each night and by hand; see docs/readiness.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import mail
from airflow_client import AirflowClient, AirflowError, Log, LoginSecret, PausedError
from dump import Dump, read_dump
from request import Request, RequestError
from settings import Settings

# Kept back from the invocation's time to send the mail when Airflow has used up all the rest.
MAIL_SECONDS = 25.0

_AWS = Config(
    connect_timeout=3, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2}
)


@dataclass(frozen=True)
class Services:
    """The AWS services that a check calls."""

    s3: Any
    ses: Any
    login: LoginSecret


def handle(event: object, context: Any) -> dict[str, Any]:
    """Lambda's entry point; the event is that of `Request.of`, the answer that of `check`."""
    settings = Settings.of(os.environ)
    services = _services(settings.secret_arn)
    seconds = context.get_remaining_time_in_millis() / 1000
    return check(event, settings, services, datetime.now(UTC), seconds)


@cache
def _services(secret_arn: str) -> Services:
    """Clients and login outlive an invocation as long as Lambda keeps the environment warm."""
    return Services(
        s3=boto3.client("s3", config=_AWS),
        ses=boto3.client("sesv2", config=_AWS),
        login=LoginSecret(boto3.client("secretsmanager", config=_AWS), secret_arn),
    )


def check(
    event: object, settings: Settings, services: Services, now: datetime, seconds: float
) -> dict[str, Any]:
    """Check a night; start its run if it is whole and has none, else send one mail.

    now: decides the load date where the event names none. seconds: what may be used in all.

    Returns:
        load_date, run_id, status (`started`, `already_started` or `not_ready`) and the state of
        each table.

    Raises:
        RequestError: the event is refused.
        AirflowError: the dump is whole but no run was started, or the run that is there waits for
            a paused DAG; the mail is sent.
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: the landing cannot be
            read, or the mail not be sent.
    """
    try:
        request = Request.of(event, now)
    except RequestError as error:
        _log(None, "event_refused", level="ERROR", reason=str(error))
        raise
    log = partial(_log, request)
    airflow = AirflowClient(services.login, seconds - MAIL_SECONDS, log)
    dump = read_dump(services.s3, settings.bucket, settings.prefix, request.load_date)
    _log_dump(log, request, dump)
    post = partial(_post, services.ses, settings, log)
    airflow_problem = None
    try:
        if dump.is_ready:
            airflow.expect_unpaused(settings.dag_id)
            is_new = airflow.start(settings.dag_id, request.run_id, _conf(request, dump, settings))
            return _answer(log, request, dump, "started" if is_new else "already_started")
        # Files that change after the run has started are nobody's worry tonight.
        if airflow.has_run(settings.dag_id, request.run_id):
            airflow.expect_unpaused(settings.dag_id)
            return _answer(log, request, dump, "already_started")
    except PausedError as error:
        log("dag_paused", level="ERROR", reason=str(error))
        post(mail.paused(request, dump, settings.function_name, settings.dag_id))
        raise
    except AirflowError as error:
        airflow_problem = str(error)
        log("run_not_started" if dump.is_ready else "run_unknown", level="ERROR", reason=str(error))
        if dump.is_ready:
            post(mail.not_started(request, dump, settings.function_name, airflow_problem))
            raise
    post(mail.not_ready(request, dump, settings.function_name, airflow_problem))
    return _answer(log, request, dump, "not_ready")


def _conf(request: Request, dump: Dump, settings: Settings) -> dict[str, Any]:
    """What the run is told; the DAG's params check it."""
    return {
        "load_date": request.load_date.isoformat(),
        "landing_uri": dump.landing_uri,
        "files": {table.name: list(table.uris) for table in dump.tables},
        "manifest": dump.manifest_uri,
        "emr": asdict(settings.emr),
    }


def _post(ses: Any, settings: Settings, log: Log, letter: mail.Mail) -> None:
    try:
        message_id = mail.send(ses, settings.mail_from, settings.mail_to, letter)
    except (ClientError, BotoCoreError) as error:
        log("mail_failed", level="ERROR", subject=letter.subject, reason=str(error))
        raise
    log("mail_sent", subject=letter.subject, message_id=message_id)


def _answer(log: Log, request: Request, dump: Dump, status: str) -> dict[str, Any]:
    log(f"night_{status}")
    return {
        "load_date": request.load_date.isoformat(),
        "run_id": request.run_id,
        "status": status,
        "tables": {table.name: table.state for table in dump.tables},
    }


def _log_dump(log: Log, request: Request, dump: Dump) -> None:
    log(
        "dump_checked",
        check=request.check,
        is_ready=dump.is_ready,
        manifest=dump.manifest_problem or "there",
        tables={table.name: table.state for table in dump.tables},
        ignored_files=sum(len(table.ignored) for table in dump.tables),
    )


def _log(request: Request | None, event: str, *, level: str = "INFO", **fields: Any) -> None:
    """Write one line of JSON."""
    night: Mapping[str, str | None] = {
        "load_date": request.load_date.isoformat() if request else None,
        "run_id": request.run_id if request else None,
    }
    print(json.dumps({"level": level, "event": event, **night, **fields}), flush=True)
