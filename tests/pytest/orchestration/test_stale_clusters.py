"""The reaper terminates our clusters that outlived their night, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emr_cluster import LONGEST_LIFE, RUN_TAG
from sandbox import aws
from shelfweek.stale_clusters import ALIVE, Stale, stale_clusters, terminate

NOW = datetime.now(UTC)
OURS = {"project": "shelfweek", "shelfweek:lake": "s3://lake/lake"}


@pytest.fixture(scope="module")
def account() -> Iterator[Any]:
    """The EMR of an emulated account."""
    if not (aws.EMULATORS / "ministack").exists():
        pytest.skip("the emulators are not installed: make test does it")
    with aws.running(["elasticmapreduce"]) as running:
        yield running.client("emr")


@pytest.fixture
def emr(account: Any) -> Iterator[Any]:
    """The same without clusters."""
    yield account
    alive = account.list_clusters(ClusterStates=ALIVE)["Clusters"]
    account.terminate_job_flows(JobFlowIds=[cluster["Id"] for cluster in alive])


def cluster(emr: Any, run_id: str | None, **changed_tags: str) -> str:
    """Start a cluster of ours, but for the changed tags, and return its id."""
    tags = {**OURS, **changed_tags, **({RUN_TAG: run_id} if run_id else {})}
    answer = emr.run_job_flow(
        Name="test",
        Instances={"KeepJobFlowAliveWhenNoSteps": True},
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    return str(answer["JobFlowId"])


def found(emr: Any, now: datetime = NOW, ended: tuple[str, ...] = ()) -> list[Stale]:
    """What the reaper finds at a time when some runs have ended."""
    return stale_clusters(emr, OURS, RUN_TAG, now, LONGEST_LIFE, lambda run: run in ended)


def test_a_cluster_whose_run_goes_on_is_left_alone(emr: Any) -> None:
    cluster(emr, "nightly__2026-11-20")
    assert found(emr) == []


def test_a_cluster_whose_run_has_ended_is_stale(emr: Any) -> None:
    cluster(emr, "nightly__2026-11-21")
    old = cluster(emr, "nightly__2026-11-20")
    assert found(emr, ended=("nightly__2026-11-20",)) == [
        Stale(old, "its run nightly__2026-11-20 has ended")
    ]


@pytest.mark.parametrize("run_id", ["nightly__2026-11-20", None])
def test_a_cluster_older_than_any_night_is_stale(emr: Any, run_id: str | None) -> None:
    old = cluster(emr, run_id)
    (stale,) = found(emr, NOW + LONGEST_LIFE + timedelta(hours=1))
    assert stale.cluster_id == old
    assert "hours old" in stale.reason


@pytest.mark.parametrize(
    "changed_tags", [{"project": "another"}, {"shelfweek:lake": "s3://lake/trial"}]
)
def test_clusters_of_others_are_left_alone(emr: Any, changed_tags: dict[str, str]) -> None:
    """Another Airflow does not know our runs, so each of them would seem to have ended."""
    cluster(emr, "nightly__2026-11-20", **changed_tags)
    assert found(emr, NOW + timedelta(days=30), ended=("nightly__2026-11-20",)) == []


def test_all_of_many_are_terminated(emr: Any) -> None:
    for _ in range(23):
        cluster(emr, "nightly__2026-11-20")
    terminate(emr, found(emr, ended=("nightly__2026-11-20",)))
    assert emr.list_clusters(ClusterStates=ALIVE)["Clusters"] == []
