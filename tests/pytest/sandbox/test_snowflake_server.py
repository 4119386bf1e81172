"""The Snowflake stand-in: on loopback only, gone with its owner, strict about what it lacks."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest
from accounts import BUCKET, MISSING, REASON, Account
from owners import assert_nothing_outlives, children
from snowflake.connector.errors import Error

from sandbox import aws, snowflake_server
from sandbox.processes import HOST

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)

OWNER = """
import time
from sandbox import snowflake_server
from sandbox.aws import Aws

with snowflake_server.running(Aws("http://127.0.0.1:1")) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """A deployed account."""
    with aws.running(["s3"]) as emulated, snowflake_server.running(emulated) as server:
        emulated.client("s3").create_bucket(Bucket=BUCKET)
        made = Account(server, emulated, "shop")
        assert made.deploy("deploy").code == 0
        yield made


def test_it_listens_on_loopback_and_ends_with_its_block() -> None:
    before = children()
    with snowflake_server.running(aws.Aws("http://127.0.0.1:1")) as server:
        ours = children() - before
        listening = {
            (x.laddr.ip, x.laddr.port)
            for process in ours
            for x in process.net_connections(kind="inet")
            if x.status == psutil.CONN_LISTEN
        }
        assert listening == {(HOST, int(server.url.rsplit(":", 1)[1]))}
        key = server.private_key
        assert key.stat().st_mode & 0o077 == 0
    assert children() <= before
    assert not key.exists()


def test_a_killed_owner_leaves_no_process() -> None:
    assert_nothing_outlives(OWNER)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("copy into '@ops.landing/x' from (select 1) partition by (1)", "syntax error"),
        (
            "copy into '@ops.landing/x' from (select 1) include_query_id = true",
            "no COPY option include_query_id",
        ),
        (
            "copy into '@ops.landing/x' from (select 1) file_format = (type = parquet)",
            "no such file format",
        ),
        ("copy into '@ops.nowhere/x' from (select 1)", "'SHOP.OPS.NOWHERE' does not exist"),
        ("copy into sales from @ops.source/sales/", "FORCE = TRUE only"),
        (
            "create or replace stage ops.other url = 's3://x/' storage_integration = shop_source",
            "not allowed by the integration",
        ),
        ("use role nobody", "Role 'NOBODY' does not exist"),
        ("grant usage on schema raw to role nobody", "Role 'NOBODY' does not exist"),
        ("grant role sysadmin to user nobody", "User 'nobody' does not exist"),
        ("call ops.absent()", "Unknown user-defined function SHOP.OPS.ABSENT"),
        ("execute task ops.absent", "Task 'SHOP.OPS.ABSENT' does not exist"),
        ("create pipe p as copy into sales from @ops.source", "."),
    ],
)
def test_what_it_does_not_know_it_refuses(account: Account, statement: str, reason: str) -> None:
    with pytest.raises(Error, match=reason):
        account.sql(statement)


def test_a_file_is_never_overwritten_in_silence(account: Account) -> None:
    statement = "copy into '@ops.landing/x.csv' from (select 1 as a) single = true header = true"
    account.sql(statement)
    assert account.landing() == {"x.csv": b'"A"\n1\n'}
    with pytest.raises(Error, match="Files already existing"):
        account.sql(statement)
    account.sql(statement.replace("select 1", "select 2") + " overwrite = true")
    [[name, size, *_]] = account.sql("list '@ops.landing/x'")
    assert (name.rpartition("/")[2], size) == ("x.csv", 6)
    account.sql("remove '@ops.landing/x'")
    assert account.landing() == {}


@pytest.mark.parametrize("statement", ["list", "remove"])
@pytest.mark.parametrize("rights", ["owner", "caller"])
def test_files_are_listed_and_removed_with_the_rights_of_a_caller_alone(
    account: Account, statement: str, rights: str
) -> None:
    """As in Snowflake, where a procedure with its owner's rights fails at its first run."""
    account.sql(
        f"use schema {account.database}.ops",
        "create or replace procedure look(a int default 1) returns variant language python "
        f"handler = 'look' execute as {rights} as $$\n"
        "def look(session, a):\n"
        f"    return len(session.sql(\"{statement} '@landing/nothing'\").collect())\n$$",
    )
    call = f"use schema {account.database}.ops", "call look()"
    if rights == "caller":
        assert account.sql(*call) == [("0",)]
    else:
        with pytest.raises(Error, match=f"Unsupported statement type '{statement.upper()}_FILES'"):
            account.sql(*call)
