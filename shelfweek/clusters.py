"""EMR clusters of nightly runs: one for each run, waited for, and ended whatever is known of them.

A cluster has its name and tags before it is asked for, so that one whose id never reached us (its
answer was lost, or the task that asked was killed) is found again. Polls are repeated by the client
itself, with growing waits (POLLING); the request for a cluster is not (ASKING), for EMR knows no
request id and would start two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from shelfweek.failures import WithoutRowsError

POLLING = Config(retries={"mode": "standard", "total_max_attempts": 6})
ASKING = Config(retries={"total_max_attempts": 1})

DAG_TAG = "shelfweek:dag_id"
RUN_TAG = "shelfweek:run_id"
REQUEST_TAG = "shelfweek:request"
"""Tells a cluster that was asked for now from one that an earlier try of the same run left."""

ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
"""States of a cluster that costs money."""

READY = ("RUNNING", "WAITING")
ENDED = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
STEP_ENDED = ("FAILED", "CANCELLED", "INTERRUPTED")

ASKED_AT_MOST = 5
"""How often EMR is asked for a cluster until it gives an answer."""

FIRST_PAUSE = 5.0
"""Seconds before it is asked again; doubled each time."""

STEP_POLL = 5.0
STEP_SECONDS = 600.0

_THROTTLED = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"}


class ClusterError(WithoutRowsError):
    """A cluster does not do as it should; the message says what EMR says."""


@dataclass(frozen=True)
class Stale:
    """A cluster to end, and why."""

    cluster_id: str
    reason: str


def name_of(dag_id: str, run_id: str, lake: str) -> str:
    """Name of the cluster of a DAG's run; another Airflow has another lake."""
    return f"shelfweek {dag_id} {run_id} {lake}"


def create(
    emr: Any, definition: Mapping[str, Any], *, pause: Callable[[float], None] = time.sleep
) -> str:
    """Start the cluster of a definition, or find the one that was started for it; return its id.

    emr: a client that does not repeat a request (ASKING). definition: of RunJobFlow, with RUN_TAG
    and REQUEST_TAG. Other clusters of the same run are ended.

    Raises:
        ClusterError: EMR refuses, or does not answer.
    """
    fault = ""
    for attempt in range(ASKED_AT_MOST):
        if attempt:
            pause(FIRST_PAUSE * 2 ** (attempt - 1))
        try:
            if found := _adopted(emr, definition):
                return found
            return str(emr.run_job_flow(**definition)["JobFlowId"])
        except (ClientError, BotoCoreError) as error:
            fault = _said(error)
            if not _is_transient(error):
                break
        print(f"EMR gave no answer: {fault}")
    raise ClusterError(f"EMR starts no cluster: {fault}")


def _adopted(emr: Any, definition: Mapping[str, Any]) -> str | None:
    """The oldest cluster that was started for this definition; all others of its run are ended."""
    tags = _as_mapping(definition["Tags"])
    kept: str | None = None
    for cluster_id in reversed(_listed(emr, definition["Name"])):
        if kept is None and tags.items() <= _described_tags(emr, cluster_id).items():
            kept = cluster_id
            print(f"{cluster_id} was started for this request already.")
        else:
            print(f"Terminating {cluster_id}: another cluster of this run.")
            emr.terminate_job_flows(JobFlowIds=[cluster_id])
    return kept


def is_ready(emr: Any, cluster_id: str | None) -> bool:
    """Whether a cluster takes steps; False also where EMR gave no answer this time.

    Raises:
        ClusterError: it never will: it has ended, or nobody knows it; or EMR refuses to tell.
    """
    if not cluster_id:
        raise ClusterError(
            "create_cluster left no id of a cluster: it was marked as success by hand. "
            "Clear it, and the cluster is started"
        )
    try:
        status = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]
    except (ClientError, BotoCoreError) as error:
        if _is_transient(error):
            print(f"EMR gave no answer: {_said(error)}")
            return False
        raise ClusterError(
            f"EMR does not tell the state of {cluster_id}: {_said(error)}"
        ) from error
    print(f"{cluster_id} is {status['State']}")
    if status["State"] in ENDED:
        reason = _reason(status.get("StateChangeReason", {}))
        raise ClusterError(f"the cluster {cluster_id} is {status['State']}: {reason}")
    return status["State"] in READY


def run_step(
    emr: Any,
    cluster_id: str,
    step: Mapping[str, Any],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Run a step and wait until it has completed; one that an earlier try has added will do.

    Raises:
        ClusterError: it fails, is taken back, or has not ended after STEP_SECONDS; or the cluster
            has ended; or EMR refuses.
    """
    try:
        step_id = _step_of(emr, cluster_id, step)
        for _ in range(int(STEP_SECONDS / STEP_POLL)):
            status = emr.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]["Status"]
            if status["State"] == "COMPLETED":
                return
            if status["State"] in STEP_ENDED:
                details = status.get("FailureDetails") or status.get("StateChangeReason", {})
                raise ClusterError(f"the step {step_id} is {status['State']}: {_reason(details)}")
            is_ready(emr, cluster_id)
            pause(STEP_POLL)
    except (ClientError, BotoCoreError) as error:
        raise ClusterError(f"EMR does not run the step: {_said(error)}") from error
    raise ClusterError(f"the step {step_id} has not ended after {STEP_SECONDS:.0f} s")


def _step_of(emr: Any, cluster_id: str, step: Mapping[str, Any]) -> str:
    for page in emr.get_paginator("list_steps").paginate(ClusterId=cluster_id):
        for known in page["Steps"]:
            if known["Name"] == step["Name"] and known["Status"]["State"] not in STEP_ENDED:
                return str(known["Id"])
    return str(emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[dict(step)])["StepIds"][0])


def end(emr: Any, name: str, cluster_id: str | None) -> list[str]:
    """End the clusters of a run: the one that is known, and those of its name; return their ids.

    Raises:
        ClusterError: EMR refuses to end one, or to list them; all others have been ended.
    """
    ids, faults = [cluster_id] if cluster_id else [], []
    try:
        ids += [found for found in _listed(emr, name) if found != cluster_id]
    except (ClientError, BotoCoreError) as error:
        faults.append(f"the clusters cannot be listed: {_said(error)}")
    faults += terminate(emr, ids)
    if faults:
        raise ClusterError("; ".join(faults))
    return ids


def terminate(emr: Any, cluster_ids: Sequence[str]) -> list[str]:
    """End clusters, one by one, and return what EMR says against it."""
    faults = []
    for cluster_id in cluster_ids:
        try:
            emr.terminate_job_flows(JobFlowIds=[cluster_id])
        except (ClientError, BotoCoreError) as error:
            faults.append(f"{cluster_id} is not terminated: {_said(error)}")
    return faults


def stale_clusters(
    emr: Any,
    owner_tags: Mapping[str, str],
    now: datetime,
    longest_life: timedelta,
    has_ended: Callable[[str, str], bool],
) -> tuple[list[Stale], list[str]]:
    """Find our clusters that are too old or whose run has ended; others are left alone.

    owner_tags: key and value of the tags that together mark a cluster as ours. has_ended: whether
    the run of a DAG's id and its own has ended.

    Returns:
        The clusters to end, and what could not be looked at.

    Raises:
        ClusterError: EMR lists no clusters.
    """
    stale, faults = [], []
    try:
        listed = list(_alive(emr))
    except (ClientError, BotoCoreError) as error:
        raise ClusterError(f"the clusters cannot be listed: {_said(error)}") from error
    for summary in listed:
        if not summary["Name"].startswith("shelfweek "):
            continue
        try:
            tags = _described_tags(emr, summary["Id"])
        except (ClientError, BotoCoreError) as error:
            faults.append(f"{summary['Id']} ({summary['Name']}) is not described: {_said(error)}")
            continue
        if not owner_tags.items() <= tags.items():
            continue
        age = now - summary["Status"]["Timeline"]["CreationDateTime"]
        dag_id, run_id = tags.get(DAG_TAG), tags.get(RUN_TAG)
        if dag_id and run_id and has_ended(dag_id, run_id):
            stale.append(Stale(summary["Id"], f"its run {run_id} of {dag_id} has ended"))
        elif age > longest_life:
            stale.append(Stale(summary["Id"], f"it is {age / timedelta(hours=1):.1f} hours old"))
    return stale, faults


def _alive(emr: Any) -> Iterator[Mapping[str, Any]]:
    for page in emr.get_paginator("list_clusters").paginate(ClusterStates=ALIVE):
        yield from page["Clusters"]


def _listed(emr: Any, name: str) -> list[str]:
    """Ids of the clusters of a name that cost money, the newest first."""
    return [cluster["Id"] for cluster in _alive(emr) if cluster["Name"] == name]


def _described_tags(emr: Any, cluster_id: str) -> dict[str, str]:
    return _as_mapping(emr.describe_cluster(ClusterId=cluster_id)["Cluster"].get("Tags", []))


def _as_mapping(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _is_transient(error: ClientError | BotoCoreError) -> bool:
    """Whether the same request may be answered later."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error.response["Error"]["Code"] in _THROTTLED
    return isinstance(error, HTTPClientError | ConnectionError)


def _said(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        said = error.response["Error"]
        return f"{said['Code']}: {said.get('Message', '')} ({error.operation_name})"
    return str(error)


def _reason(details: Mapping[str, str]) -> str:
    """EMR's words for a state, such as `USER_REQUEST: Terminated by user request`."""
    words = [details.get(key, "") for key in ("Code", "Reason", "Message", "LogFile")]
    return ": ".join(word for word in words if word) or "EMR gives no reason"
