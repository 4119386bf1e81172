"""The readiness check: is tonight's dump whole? Then start the night's run, else tell people.

Invoked by two schedules each night and by hand; see docs/readiness.md.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

import mail
from airflow_client import AirflowClient, Log, PausedError, Run, RunState
from airflow_login import AirflowError, LoginSecret
from dump import Dump, LandingError, read_dump
from request import Request, RequestError
from settings import Settings, SettingsError, mail_settings, packaged_tables
from shelfweek.failures import without_values

# Kept back from the invocation's time to send the mail when Airflow has used up all the rest.
MAIL_SECONDS = 25.0

# The checks are half an hour apart, and a run alone leaves the queue within a minute.
LONGEST_QUEUE = timedelta(minutes=20)

_AWS = Config(
    connect_timeout=3, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2}
)

# The second: a region that is empty or malformed leads to no address.
_NO_REGION = (NoRegionError, ValueError)


class UnforeseenError(Exception):
    """The check ended by an error that nobody foresaw; the message holds no credential."""


@dataclass(frozen=True)
class Services:
    """The AWS services that a check calls."""

    s3: Any
    ses: Any
    login: LoginSecret


def handle(event: object, context: Any) -> dict[str, Any]:
    """Lambda's entry point; the event is that of `Request.of`, the answer that of `check`.

    Raises:
        SettingsError: a variable or the package is wrong; the mail is sent if the others allow it.
        As check: what it raises.
    """
    now = datetime.now(UTC)
    try:
        settings = Settings.of(os.environ, packaged_tables())
        services = _services(settings.secret_arn)
    except SettingsError as error:
        _tell_of_settings(_request(event, now), str(error))
        raise
    seconds = context.get_remaining_time_in_millis() / 1000
    return check(event, settings, services, now, seconds)


@cache
def _services(secret_arn: str) -> Services:
    """Clients and login outlive an invocation as long as Lambda keeps the environment warm."""
    try:
        return Services(
            s3=boto3.client("s3", config=_AWS),
            ses=boto3.client("sesv2", config=_AWS),
            login=LoginSecret(boto3.client("secretsmanager", config=_AWS), secret_arn),
        )
    except _NO_REGION as error:
        raise SettingsError(
            f"the environment variable AWS_DEFAULT_REGION names no region (Lambda sets it): {error}"
        ) from error


def _tell_of_settings(request: Request, reason: str) -> None:
    log = partial(_log, request)
    log("settings_refused", level="ERROR", reason=reason)
    try:
        sender, recipients = mail_settings(os.environ)
        ses = boto3.client("sesv2", config=_AWS)
    except (SettingsError, *_NO_REGION):
        return  # What is raised and counted is all that tells.
    _post(ses, sender, recipients, log, mail.settings_refused(request, reason))


def check(
    event: object, settings: Settings, services: Services, now: datetime, seconds: float
) -> dict[str, Any]:
    """Check a night; start its run if it is whole and has none, else send one mail.

    now: decides the load date where the event names none. seconds: what may be used in all.

    Returns:
        load_date, run_id, status (`started`, `already_started`, `run_failed`, `run_queued` or
        `not_ready`) and the state of each table.

    Raises:
        RequestError: the event is refused.
        LandingError: the landing cannot be listed or read; the mail is sent.
        AirflowError: the dump is whole but no run was started, or the run that is there waits for
            a paused DAG; the mail is sent.
        UnforeseenError: anything else; the mail is sent.
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: the mail was not sent.
    """
    night = _Night(_request(event, now), settings, services, now, seconds)
    try:
        return night.check()
    except Exception as error:
        if night.is_told:
            raise
        text = without_values(services.login.scrub(str(error)))
        reason = f"{type(error).__name__}: {text}"
        frames = traceback.extract_tb(error.__traceback__)
    # Outside of the handler, so that nothing raised from here shows the error that may hold more.
    where = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    night.log("check_failed", level="ERROR", reason=reason, where=where)
    night.tell(mail.unforeseen(night.request, settings.function_name, reason))
    raise UnforeseenError(reason)


class _Night:
    """One check of one night.

    Attributes:
        is_told: whether the one mail was sent, or tried to be.
    """

    def __init__(
        self, request: Request, settings: Settings, services: Services, now: datetime,
        seconds: float,
    ) -> None:  # fmt: skip
        self.request = request
        self.log = partial(_log, request)
        self.is_told = False
        self._settings = settings
        self._services = services
        self._now = now
        self._airflow = AirflowClient(services.login, seconds - MAIL_SECONDS, self.log)

    def check(self) -> dict[str, Any]:
        """As the function of this name."""
        name = self._settings.function_name
        try:
            dump = self._read_dump()
        except LandingError as error:
            self.log("landing_unreadable", level="ERROR", reason=str(error))
            self.tell(mail.unreadable(self.request, name, str(error)))
            raise
        problem = None
        try:
            run = self._start(dump) if dump.is_ready else self._find_run()
            if dump.is_ready and run is None:
                return self._answer(dump, "started")
            # Files that change after the run has started are nobody's worry tonight.
            if run:
                return self._answer(dump, self._status_of(run, dump))
        except PausedError as error:
            self.log("dag_paused", level="ERROR", reason=str(error))
            self.tell(mail.paused(self.request, dump, name, self._settings.dag_id))
            raise
        except AirflowError as error:
            problem = str(error)
            event = "run_not_started" if dump.is_ready else "run_unknown"
            self.log(event, level="ERROR", reason=problem)
            if dump.is_ready:
                self.tell(mail.not_started(self.request, dump, name, problem))
                raise
        self.tell(mail.not_ready(self.request, dump, name, problem))
        return self._answer(dump, "not_ready")

    def tell(self, letter: mail.Mail) -> None:
        """Send the one mail of this check."""
        self.is_told = True
        settings = self._settings
        _post(self._services.ses, settings.mail_from, settings.mail_to, self.log, letter)

    def _read_dump(self) -> Dump:
        settings = self._settings
        dump = read_dump(
            self._services.s3,
            settings.bucket,
            settings.prefix,
            self.request.load_date,
            settings.raw_tables,
        )
        _log_dump(self.log, self.request, dump)
        return dump

    def _start(self, dump: Dump) -> Run | None:
        """Start the run and return None; return the one that is there already."""
        dag_id = self._settings.dag_id
        try:
            self._airflow.expect_unpaused(dag_id)
        except PausedError:
            run = self._airflow.find_run(dag_id, self.request.run_id)
            if run and run.state is RunState.SUCCESS:
                return run
            raise
        conf = _conf(self.request, dump, self._settings)
        return self._airflow.start(dag_id, self.request.run_id, conf)

    def _find_run(self) -> Run | None:
        dag_id = self._settings.dag_id
        run = self._airflow.find_run(dag_id, self.request.run_id)
        if run and run.state in (RunState.QUEUED, RunState.RUNNING):
            self._airflow.expect_unpaused(dag_id)
        return run

    def _status_of(self, run: Run, dump: Dump) -> str:
        """The status that a run gives the check; one that will not load the night is told."""
        name, dag_id = self._settings.function_name, self._settings.dag_id
        if run.state is RunState.FAILED:
            self.log("run_failed", level="ERROR")
            self.tell(mail.run_failed(self.request, dump, name, dag_id))
            return "run_failed"
        since = run.queued_at
        if run.state is RunState.QUEUED and since and self._now - since > LONGEST_QUEUE:
            self.log("run_queued", level="ERROR", since=since.isoformat())
            self.tell(mail.run_queued(self.request, dump, name, dag_id, since))
            return "run_queued"
        return "already_started"

    def _answer(self, dump: Dump, status: str) -> dict[str, Any]:
        self.log(f"night_{status}")
        return {
            "load_date": self.request.load_date.isoformat(),
            "run_id": self.request.run_id,
            "status": status,
            "tables": {table.name: table.state for table in dump.tables},
        }


def _request(event: object, now: datetime) -> Request:
    try:
        return Request.of(event, now)
    except RequestError as error:
        _log(None, "event_refused", level="ERROR", reason=str(error))
        raise


def _conf(request: Request, dump: Dump, settings: Settings) -> dict[str, Any]:
    """What the run is told; the DAG's params check it."""
    return {
        "load_date": request.load_date.isoformat(),
        "landing_uri": dump.landing_uri,
        "files": {table.name: list(table.uris) for table in dump.tables},
        "manifest": dump.manifest_uri,
        "emr": asdict(settings.emr),
    }


def _post(ses: Any, sender: str, recipients: tuple[str, ...], log: Log, letter: mail.Mail) -> None:
    try:
        message_id = mail.send(ses, sender, recipients, letter)
    except (ClientError, BotoCoreError) as error:
        log("mail_failed", level="ERROR", subject=letter.subject, reason=str(error))
        raise
    log("mail_sent", subject=letter.subject, message_id=message_id)


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
