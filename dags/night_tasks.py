"""The tasks of a night beside its models: the cluster's life, and what the lake is asked."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.sdk import get_current_context, task
from botocore.config import Config
from botocore.exceptions import NoRegionError

from account import (
    AccountSettings,
    SettingsError,
    cosmos_mode,
    expect_triggerer,
    lake_uri,
    variable,
)
from earlier_builds import forget_earlier_builds
from emr_cluster import THRIFT_PORT, THRIFT_SERVER_STEP, job_flow
from shelfweek import clusters
from shelfweek.domain import domain
from shelfweek.engine import Engine, prefix_of_schemas
from shelfweek.nightly_request import (
    NightlyRequest,
    RebuildRequest,
    RequestBounds,
    request_of,
)

# Repeating one of these changes nothing but the time.
HARMLESS: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(seconds=30)}


def engine_at(server: dict[str, str]) -> Engine:
    """The cluster's engine, from what find_thrift_server returned."""
    return Engine(server["host"], int(server["port"]), prefix_of_schemas())


def emr(retries: Config = clusters.POLLING) -> Any:
    """EMR, by the rights and in the region that Airflow's workers have.

    Raises:
        SettingsError: no region is set.
    """
    try:
        return EmrHook(config=retries).conn
    except NoRegionError:
        raise SettingsError(
            "no AWS region is set: AWS_DEFAULT_REGION, or region_name of the connection aws_default"
        ) from None


def request(domain_name: str) -> NightlyRequest | RebuildRequest:
    """What the current run of a domain is asked.

    Raises:
        RequestError: it cannot be granted.
    """
    return request_of(get_current_context()["params"], domain(domain_name))


@task(**HARMLESS)
def unpack_request(domain_name: str, dag_id: str) -> dict[str, Any]:
    """Check the night's files before anything costs money; return the cluster's definition.

    A dump that has changed since the readiness check, or lacks a column, ends the run here, and
    so does a request for another landing or a larger cluster than this Airflow allows.
    """
    account = AccountSettings.from_environment()
    if cosmos_mode() != "local":
        expect_triggerer()
    emr()
    context = get_current_context()
    # The params are the conf, checked; only the conf tells keys that nobody knows.
    conf = {**context["params"], **(context["dag_run"].conf or {})}
    asked = request_of(conf, domain(domain_name))
    RequestBounds.from_environment().expect(asked)
    if isinstance(asked, NightlyRequest):
        _, night = asked.open()
        for warning in night.warnings:
            print(f"Warning: {warning}")
    return job_flow(asked.emr, account, dag_id, str(context["run_id"]))


@task(**HARMLESS)
def create_cluster(definition: dict[str, Any]) -> str:
    """Ask EMR for the night's cluster, or find the one that an earlier try has started."""
    return clusters.create(emr(clusters.ASKING), definition)


@task.sensor(poke_interval=15, timeout=timedelta(minutes=25).total_seconds(), mode="reschedule")
def wait_for_cluster(cluster_id: str | None) -> bool:
    """Wait until the cluster takes steps; a cluster that has ended is not waited for."""
    return clusters.is_ready(emr(), cluster_id)


@task(**HARMLESS)
def start_thrift_server(cluster_id: str) -> None:
    """Start Spark's Thrift Server on the primary node, as a step of the cluster."""
    clusters.run_step(emr(), cluster_id, THRIFT_SERVER_STEP)


@task(**HARMLESS)
def find_thrift_server(cluster_id: str) -> dict[str, str]:
    """Find the Thrift Server's address and wait until it answers a query.

    `SHELFWEEK_THRIFT_HOST` and `SHELFWEEK_THRIFT_PORT` name another server than the cluster's:
    a laptop's emulated cluster has none.
    """
    client = emr()
    host = variable("SHELFWEEK_THRIFT_HOST")
    if not host:
        described = client.describe_cluster(ClusterId=cluster_id)
        host = described["Cluster"]["MasterPublicDnsName"]
    port = variable("SHELFWEEK_THRIFT_PORT", str(THRIFT_PORT))
    Engine(host, int(port)).wait_until_ready(
        seconds=300, meanwhile=lambda: clusters.is_ready(client, cluster_id)
    )
    return {"host": host, "port": port}


@task(**HARMLESS)
def register_run(domain_name: str, server: dict[str, str]) -> str:
    """Undo what an interrupted run has published, register the night's files, begin a run.

    Returns the id of the run in the lake; each try begins a new one.
    """
    from shelfweek.night import DbtProject, register
    from shelfweek.rebuild import register_rebuild

    context = get_current_context()
    if context["ti"].try_number > 1:
        forget_earlier_builds(context)
    asked = request(domain_name)
    with tempfile.TemporaryDirectory() as folder:
        project = DbtProject(engine_at(server), Path(folder))
        if isinstance(asked, RebuildRequest):
            return register_rebuild(project, domain(domain_name), lake_uri(), asked.first_day)
        landing, night = asked.open()
        return register([night], landing, project, lake_uri(), limits=asked.limits)


@task
def confirm_registered(domain_name: str, server: dict[str, str], lake_run_id: str) -> None:
    """Make sure that the lake's tables of one run alone are those of this run.

    They are not when single tasks of an old night are cleared after another one was loaded.
    """
    from shelfweek import lake

    lake.expect_registered(engine_at(server), domain(domain_name), lake_run_id)


@task(**HARMLESS)
def publish_report(domain_name: str, server: dict[str, str], lake_run_id: str) -> None:
    """Print the rows, rejects and weeks of the night: the tables that `make run` prints.

    Its success emits the asset of the published fact, once a night.
    """
    from rich.console import Console

    from shelfweek.report import print_report, read_report

    load_dates = request(domain_name).load_dates
    report = read_report(engine_at(server), domain(domain_name), [lake_run_id], load_dates)
    print_report(Console(width=100, highlight=False), report, [])


@task(**HARMLESS)
def copy_dimension_files(domain_name: str) -> list[str]:
    """Copy the files of the tables that every dump holds whole beside the lake's tables."""
    from shelfweek import lake

    asked = request(domain_name)
    if isinstance(asked, RebuildRequest):
        return []
    landing, night = asked.open()
    return lake.copy_dimension_files(night, landing, lake_uri())


@task(**HARMLESS)
def sweep_lake(domain_name: str, server: dict[str, str]) -> int:
    """Delete the folders that neither readers nor a rollback need; return how many."""
    from shelfweek import lake

    return lake.sweep(engine_at(server), domain(domain_name), lake_uri()).folders


@task(retries=5, retry_delay=timedelta(seconds=30))
def terminate_cluster(definition: dict[str, Any], cluster_id: str | None) -> list[str]:
    """Terminate the run's clusters, however it went, also one whose id never arrived.

    If this fails, the reaper does it.
    """
    return clusters.end(emr(), definition["Name"], cluster_id)
