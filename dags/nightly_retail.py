"""### One night of retail sales and inventory

The readiness check starts a run of this DAG with the night's files and the size of its cluster. The
run brings up an EMR cluster, builds, tests and publishes the dbt models through its Spark Thrift
Server, task by task, and takes the cluster away whatever happens. With `rebuild_from` a run derives
the published weeks again from staged rows, without a dump.

What each task does, and what to do when it is red: docs/orchestration.md.
"""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.sdk import DAG, Asset, Param, chain, get_current_context, task
from botocore.config import Config
from botocore.exceptions import NoRegionError
from cosmos import (
    DbtTaskGroup,
    ExecutionConfig,
    ExecutionMode,
    LoadMode,
    ProfileConfig,
    ProjectConfig,
    RenderConfig,
)
from cosmos.constants import PRODUCER_WATCHER_TASK_ID, InvocationMode, TestBehavior

from account import (
    NIGHT_DAG_ID,
    AccountSettings,
    SettingsError,
    cosmos_mode,
    expect_triggerer,
    lake_uri,
    variable,
)
from emr_cluster import THRIFT_PORT, THRIFT_SERVER_STEP, job_flow
from failure_mails import tell_of_run, tell_of_task
from repeating_producer import RepeatingProducer
from shelfweek import clusters
from shelfweek.domain import domain
from shelfweek.engine import Engine
from shelfweek.nightly_request import (
    NightlyRequest,
    RebuildRequest,
    RequestBounds,
    conf_schema,
    request_of,
)
from shelfweek.project import PROJECT

DOMAIN = domain("retail")

PUBLISHED_FACT = Asset("fct_weekly_sales_inventory")

LAST_BEFORE_PUBLISHING = "model.shelfweek.int_publications_planned"

IS_SERVED = bool(variable("SHELFWEEK_ATHENA_WORK_GROUP"))
"""Whether readers have an Athena; a laptop's have none."""

IS_WATCHED = cosmos_mode() != "local"

# Repeating one of these changes nothing but the time.
HARMLESS: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(seconds=30)}


def dbt_models(
    group_id: str, target: str, manifest: Path, variables: dict[str, str]
) -> DbtTaskGroup:
    """A task for each dbt model of a target, and one for each model's tests.

    manifest: what `make manifest` wrote for the target. variables: templates for dbt's environment.
    """
    group = DbtTaskGroup(
        group_id=group_id,
        project_config=ProjectConfig(
            dbt_project_path=PROJECT,
            manifest_path=manifest,
            project_name="shelfweek",
            install_dbt_deps=False,
            env_vars={
                **variables,
                "DBT_EXCLUDE_RESOURCE_TYPES": "exposure seed unit_test",
                # A dbt that runs one node need not list the tables of all schemas.
                "DBT_CACHE_SELECTED_ONLY": "true",
            },
        ),
        profile_config=ProfileConfig(
            profile_name="shelfweek",
            target_name=target,
            profiles_yml_filepath=PROJECT / "profiles" / "profiles.yml",
        ),
        execution_config=ExecutionConfig(
            # One `dbt build` does the work and a task per node watches it. `airflow dags test`
            # runs one task at a time and needs LOCAL: each task a dbt of its own.
            execution_mode=ExecutionMode.WATCHER if IS_WATCHED else ExecutionMode.LOCAL,
            invocation_mode=InvocationMode.DBT_RUNNER,
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            exclude=["resource_type:seed", "resource_type:exposure"],
            test_behavior=TestBehavior.AFTER_EACH,
            should_detach_multiple_parents_tests=True,
            # Their names would hold the cluster's address, another one every night.
            emit_datasets=False,
        ),
        operator_args={
            "append_env": True,
            # Seconds between two looks at what the one dbt has done so far.
            **({"poke_interval": 3} if IS_WATCHED else {}),
        },
        # A node that failed is tried once more by its own task, with a dbt of its own.
        default_args={
            "execution_timeout": timedelta(hours=3),
            "retries": 1,
            "retry_delay": timedelta(seconds=15),
        },
    )
    if IS_WATCHED:
        producer = group.tasks_map[PRODUCER_WATCHER_TASK_ID]
        report_each_detached_test(producer, group)
        if target == "emr":
            producer.__class__ = RepeatingProducer
    return group


def report_each_detached_test(producer: Any, group: DbtTaskGroup) -> None:
    """Let the one dbt tell of a test with several parents as soon as it has ended.

    Cosmos reports a model's tests together and counts those with several parents among them. The
    tasks that watch these alone would hear nothing before the end of the whole build, and their
    parents' tasks would wait for them.
    """
    detached = {node_id for node_id in group.tasks_map if node_id.startswith("test.")}
    of_models = {
        model: [test for test in tests if test not in detached]
        for model, tests in producer.tests_per_model.items()
    }
    producer.tests_per_model = of_models | {test: [test] for test in detached}


def engine_at(server: dict[str, str]) -> Engine:
    """The cluster's engine, from what find_thrift_server returned."""
    return Engine(server["host"], int(server["port"]), Engine.from_environment().schema)


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


def request() -> NightlyRequest | RebuildRequest:
    """What the current run is asked.

    Raises:
        RequestError: it cannot be granted.
    """
    return request_of(get_current_context()["params"], DOMAIN)


with DAG(
    NIGHT_DAG_ID,
    description="A night's dump to the published weekly fact: EMR, dbt over Thrift",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # Two nights at once would share the tables of one run alone.
    max_active_runs=1,
    # A run that waits for somebody to switch the DAG on is a night that nobody misses in time.
    is_paused_upon_creation=False,
    tags=["retail", "emr", "dbt"],
    params={name: Param(**schema) for name, schema in conf_schema(DOMAIN).items()},
    on_failure_callback=tell_of_run,
    default_args={
        "owner": "data-platform",
        "retries": 0,
        # A task that hangs fails, and then the cluster goes; the run's own timeout would keep it.
        "execution_timeout": timedelta(minutes=30),
        "on_failure_callback": [tell_of_task],
    },
) as dag:

    @task(**HARMLESS)
    def unpack_request() -> dict[str, Any]:
        """Check the night's files before anything costs money; return the cluster's definition.

        A dump that has changed since the readiness check, or lacks a column, ends the run here, and
        so does a request for another landing or a larger cluster than this Airflow allows.
        """
        account = AccountSettings.from_environment()
        if IS_WATCHED:
            expect_triggerer()
        emr()
        context = get_current_context()
        # The params are the conf, checked; only the conf tells keys that nobody knows.
        conf = {**context["params"], **(context["dag_run"].conf or {})}
        asked = request_of(conf, DOMAIN)
        RequestBounds.from_environment().expect(asked)
        if isinstance(asked, NightlyRequest):
            _, night = asked.open()
            for warning in night.warnings:
                print(f"Warning: {warning}")
        return job_flow(asked.emr, account, str(context["run_id"]))

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

    definition = unpack_request().as_setup()
    cluster_id = create_cluster(definition).as_setup()
    cluster_is_up = wait_for_cluster(cluster_id).as_setup()
    server_started = start_thrift_server(cluster_id).as_setup()
    thrift_server = find_thrift_server(cluster_id).as_setup()

    @task(**HARMLESS)
    def register_run(server: dict[str, str]) -> str:
        """Undo what an interrupted run has published, register the night's files, begin a run.

        Returns the id of the run in the lake; each try begins a new one.
        """
        from shelfweek.night import DbtProject, register
        from shelfweek.rebuild import register_rebuild

        asked = request()
        with tempfile.TemporaryDirectory() as folder:
            project = DbtProject(engine_at(server), Path(folder))
            if isinstance(asked, RebuildRequest):
                return register_rebuild(project, DOMAIN, lake_uri(), asked.first_day)
            landing, night = asked.open()
            return register([night], landing, project, lake_uri(), limits=asked.limits)

    @task
    def confirm_registered(server: dict[str, str], lake_run_id: str) -> None:
        """Make sure that the lake's tables of one run alone are those of this run.

        They are not when single tasks of an old night are cleared after another one was loaded.
        """
        from shelfweek import lake

        lake.expect_registered(engine_at(server), lake_run_id)

    registered = register_run(thrift_server)
    confirmed = confirm_registered(thrift_server, registered).as_setup()

    models = dbt_models(
        "models",
        "emr",
        PROJECT / "target" / "manifest.json",
        {
            "SHELFWEEK_THRIFT_HOST": "{{ ti.xcom_pull('find_thrift_server')['host'] }}",
            "SHELFWEEK_THRIFT_PORT": "{{ ti.xcom_pull('find_thrift_server')['port'] }}",
        },
    )

    # A test with several parents stands beside the graph. What it tests must not be published if it
    # fails, so it comes before the plan, as in `dbt build`.
    plan = models.tasks_map[LAST_BEFORE_PUBLISHING]
    for node_id, test in models.tasks_map.items():
        if node_id.startswith("test."):
            test >> plan

    @task(outlets=[PUBLISHED_FACT], **HARMLESS)
    def publish_report(server: dict[str, str], lake_run_id: str) -> None:
        """Print the rows, rejects and weeks of the night: the tables that `make run` prints.

        Its success emits the asset of the published fact, once a night.
        """
        from rich.console import Console

        from shelfweek.report import print_report, read_report

        report = read_report(engine_at(server), DOMAIN, [lake_run_id], request().load_dates)
        print_report(Console(width=100, highlight=False), report, [])

    @task(**HARMLESS)
    def copy_dimension_files() -> list[str]:
        """Copy the files of the tables that every dump holds whole beside the lake's tables."""
        from shelfweek import lake

        asked = request()
        if isinstance(asked, RebuildRequest):
            return []
        landing, night = asked.open()
        return lake.copy_dimension_files(night, landing, lake_uri())

    @task(**HARMLESS)
    def sweep_lake(server: dict[str, str]) -> int:
        """Delete the folders that neither readers nor a rollback need; return how many."""
        from shelfweek import lake

        return lake.sweep(engine_at(server), DOMAIN, lake_uri()).folders

    @task(retries=5, retry_delay=timedelta(seconds=30))
    def terminate_cluster(definition: dict[str, Any], cluster_id: str | None) -> list[str]:
        """Terminate the run's clusters, however it went, also one whose id never arrived.

        If this fails, the reaper does it.
        """
        return clusters.end(emr(), definition["Name"], cluster_id)

    # The definition is a setup too: with it alone there may be a cluster that nobody knows.
    terminated = terminate_cluster(definition, cluster_id).as_teardown(
        setups=[definition, cluster_id]
    )

    chain(cluster_id, cluster_is_up, server_started, thrift_server)
    report = publish_report(thrift_server, registered)
    chain(
        confirmed,
        models,
        report,
        [copy_dimension_files(), sweep_lake(thrift_server)],
        terminated,
    )

    if IS_SERVED:
        # Athena reads what is published and needs no cluster, so none waits for it.
        report >> dbt_models("views", "athena", PROJECT / "target" / "athena" / "manifest.json", {})
