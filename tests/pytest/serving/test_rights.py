"""athena/serving.yaml on an emulated account that enforces rights: who may do what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from policies import too_wide
from roles import ROOT, TRUSTS_ROOT, Client, as_role, document

from sandbox import aws
from sandbox.aws import EMULATORS, Aws
from shelfweek.project import PROJECT

SERVICES = ("athena", "cloudformation", "glue", "iam", "s3", "sts")
LAKE, SERVING = "lake", "serving"
TEMPLATE = PROJECT / "athena" / "serving.yaml"
WORKER = f"{ROOT.removesuffix('root')}role/worker"
FACT_FILE = "lake/retail/marts/fct_weekly_sales_inventory/part-0.parquet"
RAW_FILE = "lake/retail/raw/sales.parquet"
LAKE_MACROS = (PROJECT / "macros" / "lake.sql").read_text(encoding="utf-8")
LAYERS = re.findall(r'"(\w+)"', LAKE_MACROS.partition("macro lake_layers")[2].partition("]")[0])
"""Those that Spark writes, each a schema."""
FACT = {"Name": "fct_weekly_sales_inventory", "TableType": "EXTERNAL_TABLE"}
VIEW = {"Name": "stock_alerts", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": "select 1"}


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
        role(account, "worker")
        create_stack(account, "shelfweek", SERVING)
        waiter = account.client("cloudformation").get_waiter("stack_create_complete")
        waiter.wait(StackName="shelfweek", WaiterConfig={"Delay": 0.2, "MaxAttempts": 150})
        yield account


def create_stack(account: Aws, name: str, serving_bucket: str) -> None:
    """Begin to create the stack of a lake."""
    parameters = {
        "LakeBucket": LAKE, "LakePrefix": "lake", "ServingBucket": serving_bucket,
        "WorkerRoleArn": WORKER,
    }  # fmt: skip
    account.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )


def outputs(account: Aws) -> dict[str, str]:
    """What the stack tells."""
    (stack,) = account.client("cloudformation").describe_stacks(StackName="shelfweek")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def role(account: Aws, name: str) -> str:
    """ARN of a new role that root may take on, and that may take on whichever trusts it."""
    iam = account.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUSTS_ROOT))
    others = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="others", PolicyDocument=document(others))
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")
def builder(account: Aws) -> Client:
    """dbt."""
    return as_role(account, outputs(account)["BuilderRole"], as_role(account, WORKER))


@pytest.fixture(scope="module")
def reader(account: Aws) -> Client:
    """Somebody with the readers' policies and no other."""
    reader = role(account, "reader")
    for policy in ("PublishedRights", "ReaderRights"):
        account.client("iam").attach_role_policy(
            RoleName="reader", PolicyArn=outputs(account)[policy]
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


def test_both_read_what_is_published(reader: Client, builder: Client) -> None:
    for client in (reader, builder):
        assert client("s3").get_object(Bucket=LAKE, Key=FACT_FILE)["Body"].read() == b"rows"
        assert client("glue").get_table(DatabaseName="retail_marts", Name=FACT["Name"])


def test_each_has_a_folder_and_a_group_of_its_own_for_results(
    account: Aws, reader: Client, builder: Client
) -> None:
    """A reader could read the others' results, and put rows into the result of a dbt test."""
    groups = outputs(account)
    for client, own, other, own_group, other_group in (
        (reader, "readers", "builder", groups["ReaderGroup"], groups["BuilderGroup"]),
        (builder, "builder", "readers", groups["BuilderGroup"], groups["ReaderGroup"]),
    ):
        s3, athena = client("s3"), client("athena")
        account.client("s3").put_object(Bucket=SERVING, Key=f"serving/{other}/1.csv", Body=b"1")
        s3.put_object(Bucket=SERVING, Key=f"serving/{own}/1.csv", Body=b"1")
        assert s3.get_object(Bucket=SERVING, Key=f"serving/{own}/1.csv")["Body"].read() == b"1"
        assert refused(s3.get_object, Bucket=SERVING, Key=f"serving/{other}/1.csv")
        assert refused(s3.put_object, Bucket=SERVING, Key=f"serving/{other}/1.csv", Body=b"2")
        assert athena.get_work_group(WorkGroup=own_group)
        assert refused(athena.get_work_group, WorkGroup=other_group)


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


@pytest.fixture
def may_all(account: Aws, reader: Client, builder: Client) -> Iterator[list[Client]]:
    """Reader and builder, with a further policy that allows everything."""
    roles = ["reader", outputs(account)["BuilderRole"].rpartition("/")[2]]
    iam = account.client("iam")
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    for name in roles:
        iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=everything)
    yield [reader, builder]
    for name in roles:
        iam.delete_role_policy(RoleName=name, PolicyName="everything")


def test_a_further_policy_lets_neither_change_the_lakes_files(may_all: list[Client]) -> None:
    fact = {"Bucket": LAKE, "Key": FACT_FILE}
    rules = {"Rules": [{"ID": "all", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]}
    for client in may_all:
        s3 = client("s3")
        assert s3.get_object(**fact)["Body"].read() == b"rows"
        assert refused(s3.put_object, **fact, Body=b"x")
        assert refused(s3.delete_object, **fact)
        assert refused(s3.put_object_acl, **fact, ACL="public-read")
        assert refused(s3.copy_object, **fact, CopySource=f"{LAKE}/{RAW_FILE}")
        assert refused(
            s3.put_bucket_lifecycle_configuration, Bucket=LAKE, LifecycleConfiguration=rules
        )
        assert refused(s3.put_bucket_policy, Bucket=LAKE, Policy="{}")
        assert refused(s3.delete_bucket, Bucket=LAKE)


def test_a_further_policy_lets_neither_change_the_tables_of_spark(may_all: list[Client]) -> None:
    assert {"raw", "marts"} < set(LAYERS)
    for client in may_all:
        glue = client("glue")
        for layer in LAYERS:
            table = {"DatabaseName": f"retail_{layer}", "TableInput": FACT}
            fact = {"DatabaseName": f"retail_{layer}", "TableName": FACT["Name"]}
            assert refused(glue.delete_table, DatabaseName=f"retail_{layer}", Name=FACT["Name"])
            assert refused(glue.update_table, **table), layer
            assert refused(glue.create_table, **table), layer
            assert refused(glue.batch_delete_table_version, **fact, VersionIds=["0"]), layer


def test_the_builder_replaces_views_and_readers_do_not(reader: Client, builder: Client) -> None:
    glue = reader("glue")
    assert refused(glue.create_table, DatabaseName="retail_serving", TableInput=VIEW)
    builder("glue").create_table(DatabaseName="retail_serving", TableInput=VIEW)
    builder("glue").update_table(DatabaseName="retail_serving", TableInput=VIEW)
    assert glue.get_table(DatabaseName="retail_serving", Name=VIEW["Name"])


@pytest.mark.parametrize(
    ("group", "folder"), [("ReaderGroup", "ReaderResults"), ("BuilderGroup", "StagingDir")]
)
def test_a_work_group_sets_where_results_go_and_what_a_query_may_read(
    account: Aws, group: str, folder: str
) -> None:
    told = outputs(account)
    work_group = account.client("athena").get_work_group(WorkGroup=told[group])["WorkGroup"]
    configuration = work_group["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert int(configuration["BytesScannedCutoffPerQuery"]) == 10 * 2**30
    assert configuration["ResultConfiguration"]["OutputLocation"] == told[folder]
    assert told[folder].startswith(f"s3://{SERVING}/serving/")


def test_results_in_the_lakes_bucket_are_refused(account: Aws) -> None:
    with pytest.raises(ClientError, match="ServingBucket must be another bucket than LakeBucket"):
        create_stack(account, "wrong", LAKE)


def test_a_right_is_never_for_everything() -> None:
    assert too_wide(TEMPLATE) == []
