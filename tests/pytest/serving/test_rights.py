"""athena/serving.yaml on an emulated account that enforces rights: who may do what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox import aws
from sandbox.aws import EMULATORS, REGION, Aws
from shelfweek.contract import PROJECT

SERVICES = ("athena", "cloudformation", "glue", "iam", "s3", "sts")
LAKE, SERVING = "lake", "serving"
ROOT = "arn:aws:iam::000000000000:root"
FACT_FILE = "retail/marts/fct_weekly_sales_inventory/part-0.parquet"
RAW_FILE = "retail/raw/sales.parquet"
LAKE_MACROS = (PROJECT / "macros" / "lake.sql").read_text(encoding="utf-8")
LAYERS = re.findall(r'"(\w+)"', LAKE_MACROS.partition("macro lake_layers")[2].partition("]")[0])
"""Those that Spark writes, each a schema."""
FACT = {"Name": "fct_weekly_sales_inventory", "TableType": "EXTERNAL_TABLE"}
VIEW = {"Name": "stock_alerts", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": "select 1"}
Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def account() -> Iterator[Aws]:
    """A lake with a published table, and the stack."""
    if not (EMULATORS / "ministack").exists():
        pytest.skip("the emulators are not installed: make test does it")
    with aws.running(SERVICES, checks_rights=True) as account:
        for bucket in (LAKE, SERVING):
            account.client("s3").create_bucket(Bucket=bucket)
        for key in (FACT_FILE, RAW_FILE):
            account.client("s3").put_object(Bucket=LAKE, Key=key, Body=b"rows")
        for layer in LAYERS:
            schema = f"retail_{layer}"
            account.client("glue").create_database(DatabaseInput={"Name": schema})
            account.client("glue").create_table(DatabaseName=schema, TableInput=FACT)
        parameters = {
            "LakeBucket": LAKE, "LakePrefix": "retail", "ServingBucket": SERVING,
            "WorkerRoleArn": role(account, "worker"),
        }  # fmt: skip
        stacks = account.client("cloudformation")
        stacks.create_stack(
            StackName="shelfweek",
            TemplateBody=(PROJECT / "athena" / "serving.yaml").read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        waiter = stacks.get_waiter("stack_create_complete")
        waiter.wait(StackName="shelfweek", WaiterConfig={"Delay": 0.2, "MaxAttempts": 150})
        yield account


def document(statement: dict[str, Any]) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def outputs(account: Aws) -> dict[str, str]:
    """What the stack tells."""
    (stack,) = account.client("cloudformation").describe_stacks(StackName="shelfweek")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def role(account: Aws, name: str) -> str:
    """ARN of a new role that root may take on, and that may take on whichever trusts it."""
    trust = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
    iam = account.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    others = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="others", PolicyDocument=document(others))
    return str(made["Role"]["Arn"])


def as_role(account: Aws, arn: str, caller: Client | None = None) -> Client:
    """Clients with the rights of a role that the caller, root if none is named, takes on."""
    sts = (caller or account.client)("sts")
    taken = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    def client(service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=account.endpoint,
            region_name=REGION,
            aws_access_key_id=taken["AccessKeyId"],
            aws_secret_access_key=taken["SecretAccessKey"],
            aws_session_token=taken["SessionToken"],
        )

    return client


@pytest.fixture(scope="module")
def builder(account: Aws) -> Client:
    """dbt."""
    worker = as_role(account, f"{ROOT.removesuffix('root')}role/worker")
    return as_role(account, outputs(account)["BuilderRole"], worker)


@pytest.fixture(scope="module")
def reader(account: Aws) -> Client:
    """Somebody with the readers' policy and no other."""
    reader = role(account, "reader")
    account.client("iam").attach_role_policy(
        RoleName="reader", PolicyArn=outputs(account)["ReaderRights"]
    )
    return as_role(account, reader)


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether a call is refused for want of a right."""
    try:
        call(**arguments)
    except ClientError as error:
        assert "AccessDenied" in error.response["Error"]["Code"], error
        return True
    return False


def test_both_read_what_is_published_and_write_results(reader: Client, builder: Client) -> None:
    for client in (reader, builder):
        assert client("s3").get_object(Bucket=LAKE, Key=FACT_FILE)["Body"].read() == b"rows"
        assert client("glue").get_table(DatabaseName="retail_marts", Name=FACT["Name"])
        client("s3").put_object(Bucket=SERVING, Key="serving/results/1.csv", Body=b"1")


def test_only_the_named_role_may_be_the_builder(account: Aws, reader: Client) -> None:
    builder = outputs(account)["BuilderRole"]
    assert refused(reader("sts").assume_role, RoleArn=builder, RoleSessionName="test")


def test_neither_reads_what_is_not_published(reader: Client, builder: Client) -> None:
    for client in (reader, builder):
        assert refused(client("s3").get_object, Bucket=LAKE, Key=RAW_FILE)


def test_neither_writes_or_deletes_in_the_lake(reader: Client, builder: Client) -> None:
    for client in (reader, builder):
        assert refused(client("s3").delete_object, Bucket=LAKE, Key=FACT_FILE)
        assert refused(client("s3").put_object, Bucket=LAKE, Key=FACT_FILE, Body=b"x")
        glue = client("glue")
        assert refused(glue.delete_table, DatabaseName="retail_marts", Name=FACT["Name"])
        assert refused(glue.update_table, DatabaseName="retail_marts", TableInput=FACT)
        assert refused(glue.create_table, DatabaseName="retail_marts", TableInput=VIEW)


def test_a_further_policy_does_not_let_the_builder_write_to_the_lake(
    account: Aws, builder: Client
) -> None:
    role = outputs(account)["BuilderRole"].rpartition("/")[2]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    account.client("iam").put_role_policy(
        RoleName=role, PolicyName="everything",
        PolicyDocument=document(everything),
    )  # fmt: skip
    try:
        assert refused(builder("s3").delete_object, Bucket=LAKE, Key=FACT_FILE)
        assert {"raw", "marts"} < set(LAYERS)
        for layer in LAYERS:
            schema, glue = f"retail_{layer}", builder("glue")
            assert refused(glue.delete_table, DatabaseName=schema, Name=FACT["Name"]), layer
            assert refused(glue.update_table, DatabaseName=schema, TableInput=FACT), layer
            assert refused(glue.create_table, DatabaseName=schema, TableInput=VIEW), layer
    finally:
        account.client("iam").delete_role_policy(RoleName=role, PolicyName="everything")


def test_the_builder_replaces_views_and_readers_do_not(reader: Client, builder: Client) -> None:
    glue = reader("glue")
    assert refused(glue.create_table, DatabaseName="retail_serving", TableInput=VIEW)
    builder("glue").create_table(DatabaseName="retail_serving", TableInput=VIEW)
    builder("glue").update_table(DatabaseName="retail_serving", TableInput=VIEW)
    assert glue.get_table(DatabaseName="retail_serving", Name=VIEW["Name"])


def test_the_work_group_sets_where_results_go_and_what_a_query_may_read(account: Aws) -> None:
    group = account.client("athena").get_work_group(WorkGroup=outputs(account)["WorkGroup"])
    configuration = group["WorkGroup"]["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert int(configuration["BytesScannedCutoffPerQuery"]) == 10 * 2**30
    assert (
        configuration["ResultConfiguration"]["OutputLocation"]
        == outputs(account)["StagingDir"]
        == f"s3://{SERVING}/serving/results/"
    )
