"""A run has one cluster, however EMR behaves, and none when it has ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from emr_cluster import LONGEST_LIFE, THRIFT_SERVER_STEP
from sandbox import aws, faulty_aws
from sandbox.faulty_aws import Fault, FaultyAws
from shelfweek import clusters
from shelfweek.clusters import (
    ALIVE,
    ASKING,
    DAG_TAG,
    ENDED,
    REQUEST_TAG,
    RUN_TAG,
    ClusterError,
    Stale,
    name_of,
    stale_clusters,
)

NOW = datetime.now(UTC)
LAKE = "s3://lake/lake"
OURS = {"project": "shelfweek", "shelfweek:lake": LAKE}
DAG = "nightly_retail"
RUN = "nightly__2026-11-20"

THROTTLED = ("ThrottlingException", "Rate exceeded")
DENIED = ("AccessDeniedException", "not authorized to perform it")
PROTECTED = ("ValidationException", "the job flow is termination protected")


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[FaultyAws, Any]]:
    """An emulated account behind a proxy, and its EMR as a client that repeats nothing sees it."""
    if not (aws.EMULATORS / "ministack").exists():
        pytest.skip("the emulators are not installed: make test does it")
    with (
        aws.running(["elasticmapreduce"]) as running,
        faulty_aws.running(running.endpoint) as faulty,
    ):
        yield (
            faulty,
            boto3.client(
                "emr",
                endpoint_url=faulty.endpoint,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",  # noqa: S106 (the emulator takes any)
                config=ASKING,
            ),
        )


@pytest.fixture
def emr(account: tuple[FaultyAws, Any]) -> Iterator[Any]:
    """EMR without clusters and without faults."""
    faulty, client = account
    yield client
    faulty.faults.clear()
    listed = client.list_clusters(ClusterStates=ALIVE)["Clusters"]
    for cluster in listed:
        client.terminate_job_flows(JobFlowIds=[cluster["Id"]])


@pytest.fixture
def faults(account: tuple[FaultyAws, Any]) -> list[Fault]:
    """What goes wrong."""
    return account[0].faults


def refusal(action: str, said: tuple[str, str], times: int = 1_000_000) -> Fault:
    """EMR refuses an action with a code and a message."""
    return Fault.refusal(f"ElasticMapReduce.{action}", *said, times)


def state(action: str, wrapper: str, name: str, **reason: str) -> Fault:
    """EMR says that a cluster or a step is in a state."""
    status = {"State": name, "StateChangeReason": reason}
    body = {wrapper: {"Id": "x-1", "Status": status}}
    return Fault(f"ElasticMapReduce.{action}", 200, json.dumps(body).encode())


def definition(
    run_id: str = RUN, request: str = "a", lake: str = LAKE, dag_id: str = DAG
) -> dict[str, Any]:
    """A request for the cluster of a run."""
    of_the_run = {DAG_TAG: dag_id, RUN_TAG: run_id, REQUEST_TAG: request}
    tags = {**OURS, "shelfweek:lake": lake, **of_the_run}
    return {
        "Name": name_of(dag_id, run_id, lake),
        "Instances": {"KeepJobFlowAliveWhenNoSteps": True},
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def create(emr: Any, wanted: dict[str, Any]) -> str:
    """Create a cluster without pauses."""
    return clusters.create(emr, wanted, pause=lambda _: None)


def alive(emr: Any) -> list[str]:
    """Ids of the clusters that cost money."""
    return [cluster["Id"] for cluster in emr.list_clusters(ClusterStates=ALIVE)["Clusters"]]


def test_a_lost_answer_makes_no_second_cluster(emr: Any, faults: list[Fault]) -> None:
    faults.append(Fault.lost_answer("ElasticMapReduce.RunJobFlow"))
    found = create(emr, definition())
    assert alive(emr) == [found]


def test_a_task_that_is_tried_again_adopts_its_cluster(emr: Any) -> None:
    first = create(emr, definition())
    assert create(emr, definition()) == first
    assert alive(emr) == [first]


def test_clusters_that_are_double_end(emr: Any) -> None:
    for _ in range(3):
        emr.run_job_flow(**definition())
    kept = create(emr, definition())
    assert alive(emr) == [kept]


def test_the_cluster_of_an_earlier_request_ends_and_those_of_others_stay(emr: Any) -> None:
    old = create(emr, definition(request="before it was cleared"))
    another_lake = create(emr, definition(lake="s3://lake/trial"))
    another_run = create(emr, definition("nightly__2026-11-21"))
    new = create(emr, definition())
    assert sorted(alive(emr)) == sorted([another_lake, another_run, new])
    assert old != new


@pytest.mark.parametrize("action", ["RunJobFlow", "ListClusters"])
def test_a_throttled_request_is_repeated(emr: Any, faults: list[Fault], action: str) -> None:
    faults.append(refusal(action, THROTTLED, 3))
    assert alive_after(emr, faults, create(emr, definition()))


def alive_after(emr: Any, faults: list[Fault], cluster_id: str) -> bool:
    """Whether the cluster, and no other, is alive once nothing goes wrong any more."""
    faults.clear()
    return alive(emr) == [cluster_id]


def test_a_refused_request_ends_at_once_with_the_reason(emr: Any, faults: list[Fault]) -> None:
    faults.append(refusal("RunJobFlow", ("ValidationException", "type x is not supported"), 1))
    with pytest.raises(ClusterError, match="type x is not supported"):
        create(emr, definition())
    assert alive(emr) == []


def test_a_cluster_that_cannot_be_described_is_neither_taken_nor_doubled(
    emr: Any, faults: list[Fault]
) -> None:
    there = emr.run_job_flow(**definition())["JobFlowId"]
    faults.append(refusal("DescribeCluster", DENIED))
    with pytest.raises(ClusterError, match="not authorized"):
        create(emr, definition())
    assert alive(emr) == [there]
    assert clusters.end(emr, definition()["Name"], None) == [there]
    assert alive(emr) == []


@pytest.mark.parametrize("name", ENDED)
def test_a_cluster_that_has_ended_is_not_waited_for(
    emr: Any, faults: list[Fault], name: str
) -> None:
    reason = {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
    faults.append(state("DescribeCluster", "Cluster", name, **reason))
    with pytest.raises(ClusterError, match=f"{name}: USER_REQUEST: Terminated by user request"):
        clusters.is_ready(emr, "j-1")


def test_a_cluster_is_ready_when_it_takes_steps(emr: Any, faults: list[Fault]) -> None:
    cluster_id = create(emr, definition())
    assert clusters.is_ready(emr, cluster_id)
    faults.append(state("DescribeCluster", "Cluster", "BOOTSTRAPPING"))
    assert not clusters.is_ready(emr, cluster_id)


def test_a_throttled_poll_ends_nothing_and_a_denied_one_is_told(
    emr: Any, faults: list[Fault]
) -> None:
    cluster_id = create(emr, definition())
    faults.append(refusal("DescribeCluster", THROTTLED, 1))
    faults.append(Fault("ElasticMapReduce.DescribeCluster", 503, b"{}", 1))
    faults.append(Fault.lost_answer("ElasticMapReduce.DescribeCluster"))
    assert [clusters.is_ready(emr, cluster_id) for _ in range(4)] == [False, False, False, True]
    faults.append(refusal("DescribeCluster", DENIED))
    with pytest.raises(ClusterError, match="not authorized"):
        clusters.is_ready(emr, cluster_id)


def test_a_creation_that_was_marked_by_hand_is_told(emr: Any) -> None:
    with pytest.raises(ClusterError, match="marked as success by hand"):
        clusters.is_ready(emr, None)


def run_step(emr: Any, cluster_id: str) -> int:
    """Run the Thrift Server's step without pauses; how often it was waited."""
    pauses: list[float] = []
    clusters.run_step(emr, cluster_id, THRIFT_SERVER_STEP, pause=pauses.append)
    return len(pauses)


def test_a_step_is_added_once(emr: Any) -> None:
    cluster_id = create(emr, definition())
    assert run_step(emr, cluster_id) == run_step(emr, cluster_id) == 0
    assert len(emr.list_steps(ClusterId=cluster_id)["Steps"]) == 1


@pytest.mark.parametrize("name", ["FAILED", "CANCELLED", "INTERRUPTED"])
def test_a_step_that_ended_ends_the_wait_with_its_reason(
    emr: Any, faults: list[Fault], name: str
) -> None:
    cluster_id = create(emr, definition())
    faults.append(state("DescribeStep", "Step", name, Message="no room"))
    with pytest.raises(ClusterError, match=f"{name}: no room"):
        run_step(emr, cluster_id)


def test_a_cluster_that_ends_ends_the_wait_for_its_step(emr: Any, faults: list[Fault]) -> None:
    cluster_id = create(emr, definition())
    faults.append(state("DescribeStep", "Step", "PENDING"))
    faults.append(state("DescribeCluster", "Cluster", "TERMINATING", Code="INSTANCE_FAILURE"))
    with pytest.raises(ClusterError, match="TERMINATING: INSTANCE_FAILURE"):
        run_step(emr, cluster_id)


def test_a_step_that_never_ends_is_given_up(
    emr: Any, faults: list[Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "STEP_SECONDS", 20.0)
    cluster_id = create(emr, definition())
    faults.append(state("DescribeStep", "Step", "PENDING"))
    with pytest.raises(ClusterError, match="has not ended after 20 s"):
        run_step(emr, cluster_id)


@pytest.mark.parametrize("said", [THROTTLED, DENIED])
def test_ending_needs_no_description_and_no_list(
    emr: Any, faults: list[Fault], said: tuple[str, str]
) -> None:
    cluster_id = create(emr, definition())
    faults.append(refusal("DescribeCluster", said))
    faults.append(refusal("ListClusters", said, 1))
    with pytest.raises(ClusterError, match="cannot be listed"):
        clusters.end(emr, definition()["Name"], cluster_id)
    assert alive(emr) == []


def test_a_protected_cluster_keeps_no_other_alive(emr: Any, faults: list[Fault]) -> None:
    for _ in range(3):
        emr.run_job_flow(**definition())
    faults.append(refusal("TerminateJobFlows", PROTECTED, 1))
    with pytest.raises(ClusterError, match="termination protected"):
        clusters.end(emr, definition()["Name"], None)
    assert len(alive(emr)) == 1


def found(emr: Any, now: datetime = NOW, ended: tuple[tuple[str, str], ...] = ()) -> list[Stale]:
    """What the reaper finds at a time when some runs have ended; nothing stays unknown to it."""
    stale, unknown = stale_clusters(
        emr, OURS, now, LONGEST_LIFE, lambda dag, run: (dag, run) in ended
    )
    assert unknown == []
    return stale


def test_a_cluster_whose_run_goes_on_is_left_alone(emr: Any) -> None:
    create(emr, definition())
    assert found(emr) == []


def test_a_cluster_whose_run_has_ended_is_stale(emr: Any) -> None:
    create(emr, definition("nightly__2026-11-21"))
    old = create(emr, definition())
    # A run of another domain's night that has the same name.
    create(emr, definition(dag_id="nightly_toy"))
    told = f"its run {RUN} of {DAG} has ended"
    assert found(emr, ended=((DAG, RUN),)) == [Stale(old, told)]


def test_a_cluster_older_than_any_night_is_stale(emr: Any) -> None:
    old = create(emr, definition())
    (stale,) = found(emr, NOW + LONGEST_LIFE + timedelta(hours=1))
    assert stale.cluster_id == old
    assert "hours old" in stale.reason


def test_clusters_of_others_are_left_alone(emr: Any) -> None:
    """Another Airflow does not know our runs, so each of them would seem to have ended."""
    create(emr, definition(lake="s3://lake/trial"))
    emr.run_job_flow(Name="another project's", Instances={"KeepJobFlowAliveWhenNoSteps": True})
    assert found(emr, NOW + timedelta(days=30), ended=((DAG, RUN),)) == []


def test_a_cluster_that_is_not_described_keeps_no_other_alive(
    emr: Any, faults: list[Fault]
) -> None:
    for number in range(3):
        create(emr, definition(f"nightly__2026-11-1{number}"))
    faults.append(refusal("DescribeCluster", DENIED, 1))
    stale, unknown = stale_clusters(emr, OURS, NOW, LONGEST_LIFE, lambda _dag, _run: True)
    assert len(stale) == 2
    assert len(unknown) == 1
    assert "not authorized" in unknown[0]
    faults.append(refusal("TerminateJobFlows", PROTECTED, 1))
    (fault,) = clusters.terminate(emr, [each.cluster_id for each in stale])
    assert "termination protected" in fault
    assert len(alive(emr)) == 2
