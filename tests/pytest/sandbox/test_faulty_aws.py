"""The proxy passes requests on, and gives a fault's answer to those that meet it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox import aws, faulty_aws
from sandbox.faulty_aws import Fault


def test_requests_pass_unless_they_meet_a_fault() -> None:
    if not (aws.EMULATORS / "ministack").exists():
        pytest.skip("the emulators are not installed: make test does it")
    with (
        aws.running(["s3", "elasticmapreduce"]) as account,
        faulty_aws.running(account.endpoint) as proxy,
    ):
        through = aws.Aws(proxy.endpoint)
        s3 = through.client("s3")
        s3.create_bucket(Bucket="lake")
        s3.put_object(Bucket="lake", Key="a b/\u00e9.csv", Body=b"1,2")
        assert s3.get_object(Bucket="lake", Key="a b/\u00e9.csv")["Body"].read() == b"1,2"
        assert s3.head_object(Bucket="lake", Key="a b/\u00e9.csv")["ContentLength"] == 3

        proxy.faults.append(Fault.of_s3("GET /lake/a", 503, "SlowDown", 2))
        # The client tries again by itself.
        assert s3.get_object(Bucket="lake", Key="a b/\u00e9.csv")["Body"].read() == b"1,2"
        assert proxy.met == 2
        proxy.faults.append(Fault.of_s3("PUT /lake/b", 403, "AccessDenied", 1))
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket="lake", Key="b", Body=b"")

        emr = through.client("emr")
        refusal = Fault.refusal("ElasticMapReduce.RunJobFlow", "ValidationException", "no", 1)
        proxy.faults.append(refusal)
        with pytest.raises(ClientError, match="ValidationException"):
            emr.run_job_flow(Name="night", Instances={})
        assert emr.run_job_flow(Name="night", Instances={})["JobFlowId"]
        assert proxy.met == 4
