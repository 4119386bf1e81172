"""The template in an account that enforces rights: schedules, kept failures, refused mail."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from domains import RETAIL
from nights import (
    BUCKET,
    DAG_ID,
    PREFIX,
    SENDER,
    Invoke,
    Mails,
    NightDump,
    Put,
    starts,
)  # fmt: skip
from policies import resources, too_wide
from roles import TRUSTS_ROOT, as_role, document

from sandbox.airflow_api import AirflowApi, Fault
from sandbox.aws import Aws
from sandbox.lambda_package import CODE, SHARED, package
from sandbox.readiness import Check

WAIT_SECONDS = 30.0


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.2)


def resource_of(account: Aws, check: Check, logical_id: str) -> str:
    """Name of a resource of the check's stack."""
    described = account.client("cloudformation").describe_stack_resource(
        StackName=check.function_name, LogicalResourceId=logical_id
    )
    return str(described["StackResourceDetail"]["PhysicalResourceId"])


def test_the_schedules_fire_the_check_which_starts_tonights_run_once(
    account: Aws, scheduled: Any
) -> None:
    wait_until(lambda: starts(scheduled.airflow) == 2)
    ((dag_id, run_id),) = scheduled.airflow.runs
    assert dag_id == DAG_ID
    assert re.fullmatch(r"nightly__\d{4}-\d\d-\d\d", run_id)
    assert not [mail for mail in account.mails() if mail.recipients == (scheduled.recipient,)]


def test_the_schedules_are_in_the_account(account: Aws, deployed: Check) -> None:
    scheduler = account.client("scheduler")
    for number, name in enumerate(("first", "second"), 1):
        schedule = scheduler.get_schedule(
            GroupName=deployed.function_name, Name=f"{deployed.function_name}-{name}-check"
        )
        minute = 30 * (number - 1)
        assert schedule["ScheduleExpression"] == f"cron({minute} 8 * * ? *)"
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert schedule["State"] == "ENABLED"
        assert json.loads(schedule["Target"]["Input"]) == {"check": number}
        assert "FailedChecks" in schedule["Target"]["DeadLetterConfig"]["Arn"]


def test_a_failed_check_is_kept_in_the_queue_and_not_repeated(
    account: Aws, dump: NightDump, put: Put, deployed: Check, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.dag_ids.remove(DAG_ID)
    event = {"check": 1, "load_date": str(dump.load_date)}
    try:
        account.client("lambda").invoke(
            FunctionName=deployed.function_name, InvocationType="Event", Payload=json.dumps(event)
        )
        sqs = account.client("sqs")
        kept: list[Any] = []

        def arrived() -> bool:
            answer = sqs.receive_message(QueueUrl=deployed.failed_checks_url)
            kept.extend(answer.get("Messages", []))
            return bool(kept)

        wait_until(arrived)
    finally:
        airflow.dag_ids.add(DAG_ID)
    message = json.loads(kept[0]["Body"])
    assert message["requestPayload"] == event
    assert "Airflow answered 404" in message["responsePayload"]["errorMessage"]
    assert len(mails()) == 1


@pytest.fixture
def without_sender(account: Aws) -> Iterator[None]:
    """SES as it is when the sender's identity was not verified, or was removed."""
    ses = account.client("sesv2")
    ses.delete_email_identity(EmailIdentity=SENDER)
    yield
    ses.create_email_identity(EmailIdentity=SENDER)


def test_ses_refusing_fails_the_invocation(
    without_sender: None, invoke: Invoke, mails: Mails
) -> None:
    assert "MessageRejected" in invoke(check=1).error
    assert not mails()


def test_ses_refusing_is_logged_as_an_error(without_sender: None, check_here: Invoke) -> None:
    outcome = check_here(check=1)
    assert "MessageRejected" in outcome.error
    assert outcome.events == ["dump_checked", "mail_failed"]
    assert outcome.log[-1]["level"] == "ERROR"


def test_ses_refusing_does_not_keep_a_run_from_its_start(
    without_sender: None, put: Put, invoke: Invoke, airflow: AirflowApi
) -> None:
    put()
    assert invoke(check=1).status == "started"
    assert len(airflow.runs) == 1


def test_ses_refusing_does_not_hide_that_airflow_refused(
    without_sender: None, put: Put, check_here: Invoke, airflow: AirflowApi
) -> None:
    put()
    airflow.faults.append(Fault("/api", 404, "no such DAG"))
    outcome = check_here(check=1)
    assert outcome.events == ["dump_checked", "run_not_started", "mail_failed"]
    assert outcome.log[1]["reason"] == "Airflow answered 404: no such DAG"


@pytest.fixture
def change_environment(account: Aws, deployed: Check) -> Iterator[Callable[[str, str], None]]:
    """Change one of the function's variables until the test ends."""
    client = account.client("lambda")
    name = deployed.function_name
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def change(variable: str, value: str) -> None:
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**variables, variable: value}}
        )

    yield change
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_the_function_may_not_list_beside_the_landing(
    change_environment: Callable[[str, str], None], invoke: Invoke, mails: Mails
) -> None:
    change_environment("LANDING_URI", "s3://lake/other")
    outcome = invoke(check=1)
    assert "AccessDenied" in outcome.error
    assert "ListObjectsV2" in outcome.error
    (mail,) = mails()
    assert "landing not readable, next check at 3:30 EST" in mail.subject
    assert "The check's role needs s3:ListBucket on the bucket lake" in mail.text


def test_a_manifest_that_may_not_be_read_is_told(
    account: Aws, deployed: Check, put: Put, invoke: Invoke, mails: Mails
) -> None:
    put()
    iam, role = account.client("iam"), resource_of(account, deployed, "FunctionRole")
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    iam.put_role_policy(
        RoleName=role,
        PolicyName="denied",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]}),
    )
    try:
        outcome = invoke(check=2)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denied")
    assert "AccessDenied" in outcome.error
    (mail,) = mails()
    assert f"s3://{BUCKET}/{PREFIX}/manifest/" in mail.text
    assert "The check's role needs s3:GetObject on it, and kms:Decrypt" in mail.text


def test_the_function_may_not_read_another_secret(
    account: Aws, put: Put, change_environment: Callable[[str, str], None], invoke: Invoke
) -> None:
    put()
    other = account.client("secretsmanager").create_secret(Name="other", SecretString="{}")
    change_environment("AIRFLOW_SECRET_ARN", other["ARN"])
    outcome = invoke(check=1)
    assert "cannot be read" in outcome.error
    assert "AccessDenied" in outcome.error


def test_a_malformed_setting_fails_the_invocation(
    change_environment: Callable[[str, str], None], invoke: Invoke, mails: Mails
) -> None:
    change_environment("EMR_CORE_INSTANCE_COUNT", "many")
    assert "EMR_CORE_INSTANCE_COUNT is 'many'" in invoke(check=1).error
    (mail,) = mails()
    assert "EMR_CORE_INSTANCE_COUNT is 'many', not a whole number from 1 to 999" in mail.text


def test_a_malformed_setting_for_mails_fails_the_invocation_without_one(
    change_environment: Callable[[str, str], None], invoke: Invoke, mails: Mails
) -> None:
    change_environment("MAIL_TO", "Data <data@shop.example>")
    assert "MAIL_TO is 'Data <data@shop.example>', not plain" in invoke(check=1).error
    assert not mails()


def test_only_the_schedules_of_the_stack_take_on_their_role(account: Aws, deployed: Check) -> None:
    group = account.client("scheduler").get_schedule_group(Name=deployed.function_name)
    role = account.client("iam").get_role(RoleName=resource_of(account, deployed, "SchedulerRole"))
    (statement,) = role["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "000000000000", "aws:SourceArn": group["Arn"]}
    }


def test_the_code_is_a_version_that_no_later_object_replaces() -> None:
    code = resources(CODE / "template.yaml")["Function"]["Properties"]["Code"]
    assert code == {
        "S3Bucket": "CodeBucket", "S3Key": "CodeKey", "S3ObjectVersion": "CodeVersion",
    }  # fmt: skip


@pytest.fixture
def function_s3(account: Aws, deployed: Check) -> Iterator[Any]:
    """S3 with the rights of the function's role."""
    iam, name = account.client("iam"), resource_of(account, deployed, "FunctionRole")
    role = iam.get_role(RoleName=name)["Role"]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=document(TRUSTS_ROOT))
    yield as_role(account, role["Arn"])("s3")
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)


def test_the_function_reads_manifests_and_neither_reads_nor_changes_the_dump(
    function_s3: Any, put: Put, dump: NightDump
) -> None:
    put()
    manifest = {"Bucket": BUCKET, "Key": f"{PREFIX}/{dump.manifest.relative_to(dump.folder)}"}
    raw = {"Bucket": BUCKET, "Key": dump.uris("sales")[0].removeprefix(f"s3://{BUCKET}/")}
    assert function_s3.get_object(**manifest)["Body"].read() == dump.manifest.read_bytes()
    for call, arguments in (
        (function_s3.get_object, raw),
        (function_s3.put_object, {**raw, "Body": b"x"}),
        (function_s3.delete_object, raw),
        (function_s3.put_object, {**manifest, "Body": b"{}"}),
        (function_s3.delete_object, manifest),
        (function_s3.list_objects_v2, {"Bucket": BUCKET, "Prefix": "lake/"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**arguments)


def test_a_right_is_never_for_everything() -> None:
    template = CODE / "template.yaml"
    assert too_wide(template) == []
    assert not re.findall(r"\b\d{12}\b", template.read_text(encoding="utf-8")), "an account number"


def test_the_package_is_the_code_and_the_same_each_time(tmp_path: Path) -> None:
    first, second = package(RETAIL, tmp_path / "a"), package(RETAIL, tmp_path / "b")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = set(archive.namelist())
        assert names == {path.name for path in CODE.glob("*.py")} | {
            "raw_tables.json", *(f"shelfweek/{name}.py" for name in SHARED)
        }  # fmt: skip
        archive.extractall(tmp_path / "code")
    # -I: no module of this project but those of the package; its boto3 is Lambda's own.
    program = (
        "import sys, boto3; sys.path.insert(0, sys.argv[1]); import handler, json; "
        "print(json.dumps(handler.packaged_tables()))"
    )
    here = [sys.executable, "-I", "-c", program, str(tmp_path / "code")]
    printed = subprocess.run(here, check=True, cwd=tmp_path, capture_output=True)  # noqa: S603
    assert list(json.loads(printed.stdout).items()) == list(RETAIL.business_dates.items())
