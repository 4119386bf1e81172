"""The readiness check as a stack in the emulated account: the template and code that go to AWS."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sandbox.aws import Aws
from sandbox.lambda_package import CODE, package
from shelfweek.domain import Domain

SERVICES = (
    "cloudformation", "cloudwatch", "iam", "lambda", "logs", "s3", "scheduler", "secretsmanager",
    "ses", "sns", "sqs", "sts",
)  # fmt: skip
CODE_BUCKET = "code"


@dataclass(frozen=True)
class Check:
    """The deployed check: the names of its function and of the queue of failed checks."""

    account: Aws
    function_name: str
    failed_checks_url: str

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke the function and wait; the answer is that of boto3 with the payload parsed."""
        answer: dict[str, Any] = self.account.client("lambda").invoke(
            FunctionName=self.function_name, Payload=json.dumps(event), LogType="Tail"
        )
        return {**answer, "Payload": json.loads(answer["Payload"].read())}


class AirflowLogin(Protocol):
    """Where Airflow, or its stand-in, is, and how to log in there."""

    url: str
    username: str
    password: str


def put_login(account: Aws, airflow: AirflowLogin, name: str) -> str:
    """Put the login to Airflow into Secrets Manager under a name and return the secret's ARN."""
    login = {"url": airflow.url, "username": airflow.username, "password": airflow.password}
    client = account.client("secretsmanager")
    return str(client.create_secret(Name=name, SecretString=json.dumps(login))["ARN"])


def deploy(account: Aws, domain: Domain, name: str, parameters: Mapping[str, str]) -> Check:
    """Upload the code of a domain's check and create a stack.

    parameters: the template's, but for the code's.

    Raises:
        botocore.exceptions.WaiterError: the stack cannot be created.
    """
    with tempfile.TemporaryDirectory() as folder:
        code = package(domain, Path(folder))
        s3 = account.client("s3")
        s3.create_bucket(Bucket=CODE_BUCKET)  # changes nothing where it is there
        s3.put_bucket_versioning(Bucket=CODE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        put = s3.put_object(Bucket=CODE_BUCKET, Key=code.name, Body=code.read_bytes())
    values = {
        "CodeBucket": CODE_BUCKET,
        "CodeKey": code.name,
        "CodeVersion": put["VersionId"],
        **parameters,
    }
    client = account.client("cloudformation")
    client.create_stack(
        StackName=name,
        TemplateBody=(CODE / "template.yaml").read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    waiter = client.get_waiter("stack_create_complete")
    waiter.wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150})
    _let_send_mail(account, name)
    return find(account, name)


def find(account: Aws, name: str) -> Check:
    """The check of a stack that is there."""
    client = account.client("cloudformation")
    outputs = client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    told = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    return Check(account, told["FunctionName"], told["FailedChecksUrl"])


def _let_send_mail(account: Aws, name: str) -> None:
    """Let the function send mail as any identity.

    Where the emulator checks rights, it does not know which identity a mail comes from, so the
    template's right to one identity allows none there.
    """
    role = account.client("cloudformation").describe_stack_resource(
        StackName=name, LogicalResourceId="FunctionRole"
    )["StackResourceDetail"]["PhysicalResourceId"]
    statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
    account.client("iam").put_role_policy(
        RoleName=role,
        PolicyName="emulated-ses",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
