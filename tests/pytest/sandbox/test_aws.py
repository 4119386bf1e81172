"""The AWS emulator comes up on loopback only, holds objects, and leaves nothing behind."""

from __future__ import annotations

import sys

import psutil
import pytest
from owners import assert_nothing_outlives, children

from sandbox import aws
from sandbox.processes import HOST

OWNER = """
import time
from sandbox import aws

with aws.running(["s3"]) as account:
    print(account.endpoint, flush=True)
    time.sleep(600)
"""


def test_the_emulator_holds_objects_listens_on_loopback_and_ends_with_its_block() -> None:
    before = children()
    with aws.running(["s3"]) as account:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="landing")
        s3.put_object(Bucket="landing", Key="sales/été.csv", Body=b"1,2")
        assert s3.get_object(Bucket="landing", Key="sales/été.csv")["Body"].read() == b"1,2"
        listening = [
            x.laddr.ip
            for process in children() - before
            for x in process.net_connections(kind="tcp")
            if x.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert set(listening) == {HOST}
    assert children() <= before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_owner_leaves_no_process() -> None:
    assert_nothing_outlives(OWNER)
