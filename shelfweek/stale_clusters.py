"""Which EMR clusters have outlived their night."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
"""States of a cluster that costs money."""

AT_ONCE = 10
"""EMR terminates so many clusters in one call."""


@dataclass(frozen=True)
class Stale:
    """A cluster to terminate, and why."""

    cluster_id: str
    reason: str


def stale_clusters(
    emr: Any,
    owner_tags: Mapping[str, str],
    run_tag: str,
    now: datetime,
    longest_life: timedelta,
    has_ended: Callable[[str], bool],
) -> list[Stale]:
    """Find our clusters that are too old or whose run has ended; others are left alone.

    owner_tags: key and value of the tags that together mark a cluster as ours. run_tag: key of the
    tag with its run's id. has_ended: whether the run of an id has ended.

    Raises:
        botocore.exceptions.ClientError: EMR refuses.
    """
    stale = []
    pages = emr.get_paginator("list_clusters").paginate(ClusterStates=ALIVE)
    for listed in (cluster for page in pages for cluster in page["Clusters"]):
        cluster = emr.describe_cluster(ClusterId=listed["Id"])["Cluster"]
        tags = {each["Key"]: each["Value"] for each in cluster.get("Tags", [])}
        if not owner_tags.items() <= tags.items():
            continue
        age = now - cluster["Status"]["Timeline"]["CreationDateTime"]
        run_id = tags.get(run_tag)
        if run_id is not None and has_ended(run_id):
            stale.append(Stale(listed["Id"], f"its run {run_id} has ended"))
        elif age > longest_life:
            hours = age / timedelta(hours=1)
            stale.append(Stale(listed["Id"], f"it is {hours:.1f} hours old"))
    return stale


def terminate(emr: Any, clusters: list[Stale]) -> None:
    """Terminate clusters.

    Raises:
        botocore.exceptions.ClientError: EMR refuses.
    """
    for start in range(0, len(clusters), AT_ONCE):
        some = [cluster.cluster_id for cluster in clusters[start : start + AT_ONCE]]
        emr.terminate_job_flows(JobFlowIds=some)
