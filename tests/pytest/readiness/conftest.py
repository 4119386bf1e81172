"""One emulated account with the deployed check, one stand-in for Airflow, and fresh nights."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from domains import RETAIL
from nights import (
    BUCKET,
    CANARIES,
    DAG_ID,
    OTHER_RECIPIENT,
    PREFIX,
    RECIPIENT,
    SENDER,
    Invoke,
    Mails,
    NightDump,
    Outcome,
    Put,
    leaks,
)  # fmt: skip

import handler
from airflow_login import LoginSecret
from request import EST
from sandbox import airflow_api, aws, readiness
from sandbox.airflow_api import AirflowApi
from sandbox.aws import Aws
from sandbox.emulated_account import upload
from settings import Emr, Settings

_load_dates = itertools.count(date(2031, 1, 1).toordinal())


@pytest.fixture(scope="session")
def account() -> Iterator[Aws]:
    """An emulated account that enforces the rights of roles, with a bucket and mail identities."""
    if not (aws.EMULATORS / "ministack").exists():
        pytest.skip("the emulators are not installed: make test does it")
    with aws.running(readiness.SERVICES, checks_rights=True) as emulated:
        emulated.client("s3").create_bucket(Bucket=BUCKET)
        for identity in (SENDER, RECIPIENT, OTHER_RECIPIENT):
            emulated.client("sesv2").create_email_identity(EmailIdentity=identity)
        yield emulated


@pytest.fixture(scope="session")
def airflow_server() -> Iterator[AirflowApi]:
    """A stand-in for Airflow that all tests share."""
    with airflow_api.running({DAG_ID}, *CANARIES) as api:
        yield api


@pytest.fixture
def airflow(airflow_server: AirflowApi) -> AirflowApi:
    """The stand-in for Airflow without runs and faults, and with nothing paused."""
    airflow_server.paused.clear()
    airflow_server.runs.clear()
    airflow_server.faults.clear()
    airflow_server.requests.clear()
    airflow_server.stuck = None
    return airflow_server


@pytest.fixture(scope="session")
def parameters(account: Aws, airflow_server: AirflowApi) -> dict[str, str]:
    """Parameters of the stack."""
    return {
        "LandingBucket": BUCKET,
        "LandingPrefix": PREFIX,
        "AirflowSecretArn": readiness.put_login(account, airflow_server, "shelfweek/airflow"),
        "SenderIdentity": SENDER,
        "MailFrom": SENDER,
        "MailTo": f"{RECIPIENT},{OTHER_RECIPIENT}",
        "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
    }


@dataclass(frozen=True)
class Scheduled:
    """A check whose schedules fire as soon as it is deployed, and the Airflow that it asks."""

    check: readiness.Check
    airflow: AirflowApi
    recipient: str


@pytest.fixture(scope="session")
def scheduled(account: Aws, parameters: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scheduled]:  # fmt: skip
    """The whole dump of today, and a check of it. It has an Airflow and a recipient of its own."""
    today = datetime.now(EST).date()
    folder = tmp_path_factory.mktemp("scheduled")
    for load_date in (today, today + timedelta(days=1)):  # it may be midnight
        NightDump(folder, load_date).write()
    upload(account.client("s3"), folder)
    with airflow_api.running({DAG_ID}, *CANARIES) as api:
        at = f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})"
        own = {
            "AirflowSecretArn": readiness.put_login(account, api, "shelfweek/airflow-scheduled"),
            "MailTo": OTHER_RECIPIENT,
            "FirstCheck": at,
            "SecondCheck": at,
        }
        check = readiness.deploy(account, RETAIL, "scheduled", {**parameters, **own})
        yield Scheduled(check, api, OTHER_RECIPIENT)


@pytest.fixture(scope="session")
def deployed(account: Aws, parameters: dict[str, str], scheduled: Scheduled) -> readiness.Check:
    """The check as the template deploys it. (The scheduled one comes first: it takes its time.)"""
    return readiness.deploy(account, RETAIL, "readiness", parameters)


@pytest.fixture
def load_date() -> date:
    """A load date that no other test uses, so that their files, runs and mails never meet."""
    return date.fromordinal(next(_load_dates))


@pytest.fixture
def invoke(deployed: readiness.Check, load_date: date, airflow: AirflowApi) -> Invoke:
    """Invoke the deployed function for the test's night, with more keys for the event."""

    def invoke(**event: Any) -> Outcome:
        answer = deployed.invoke({"load_date": str(load_date), **event})
        payload = answer["Payload"]
        assert not leaks([base64.b64decode(answer["LogResult"]), json.dumps(payload)])
        if "FunctionError" in answer:
            return Outcome({}, payload["errorMessage"])
        return Outcome(payload)

    return invoke


@pytest.fixture
def mails(account: Aws, load_date: date) -> Mails:
    """The mails about the test's night that were sent since its beginning."""
    return lambda: [mail for mail in account.mails() if str(load_date) in mail.subject]


@pytest.fixture
def dump(tmp_path: Path, load_date: date) -> NightDump:
    """The test's night, whole, not written yet."""
    return NightDump(tmp_path / "landing", load_date)


@pytest.fixture
def put(account: Aws, dump: NightDump) -> Put:
    """Write the test's night and upload it."""

    def put() -> None:
        dump.write()
        upload(account.client("s3"), dump.folder)

    return put


@pytest.fixture
def settings(parameters: dict[str, str]) -> Settings:
    """Settings for a check in this process."""
    return Settings(
        raw_tables=RETAIL.business_dates,
        bucket=BUCKET,
        prefix=PREFIX,
        dag_id=DAG_ID,
        secret_arn=parameters["AirflowSecretArn"],
        mail_from=SENDER,
        mail_to=(RECIPIENT,),
        emr=Emr("emr-7.13.0", "SPOT", "m7g.xlarge", "r7g.xlarge", 2, 1),
        function_name="readiness",
    )


@pytest.fixture
def services(account: Aws, settings: Settings) -> handler.Services:
    """The emulated services for a check in this process; it has root's rights."""
    secret = LoginSecret(account.client("secretsmanager"), settings.secret_arn)
    return handler.Services(account.client("s3"), account.client("sesv2"), secret)


@pytest.fixture
def check_here(
    settings: Settings,
    services: handler.Services,
    load_date: date,
    airflow: AirflowApi,
    capsys: pytest.CaptureFixture[str],
) -> Invoke:
    """Check the test's night in this process, with as many seconds for Airflow as are told."""

    def check_here(seconds: float = 5.0, secret: LoginSecret | None = None, **event: Any
    ) -> Outcome:  # fmt: skip
        used = replace(services, login=secret) if secret else services
        request = {"load_date": str(load_date), **event}
        answer, problem = {}, ""
        try:
            answer = handler.check(
                request, settings, used, datetime.now(UTC), handler.MAIL_SECONDS + seconds
            )
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        text = capsys.readouterr().out
        assert not leaks([text, problem])
        return Outcome(answer, problem, [json.loads(line) for line in text.splitlines()])

    return check_here
