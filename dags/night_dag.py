"""How a night of a domain runs: the one DAG that every domain's file fills in."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Asset, Param, chain
from cosmos import DbtTaskGroup

import night_tasks as tasks
from account import variable
from failure_mails import tell_of_run, tell_of_task
from model_tasks import model_tasks
from shelfweek.domain import Domain
from shelfweek.nightly_request import conf_schema
from shelfweek.project import PROJECT


class ManifestError(Exception):
    """dbt's manifest is not that of this project; Airflow shows the message."""


def night_dag(dag_id: str, domain: Domain, fact: str, *, description: str, doc_md: str) -> DAG:
    """Draw the DAG of a domain's nights.

    fact: the published table whose asset a night emits.
    """
    with DAG(
        dag_id,
        description=description,
        doc_md=doc_md,
        schedule=None,
        start_date=datetime(2026, 1, 1),
        catchup=False,
        # Two nights at once would share the tables of one run alone.
        max_active_runs=1,
        # A run that waits for somebody to switch the DAG on is a night that nobody misses in time.
        is_paused_upon_creation=False,
        tags=[domain.name, "emr", "dbt"],
        params={name: Param(**schema) for name, schema in conf_schema(domain).items()},
        on_failure_callback=tell_of_run,
        default_args={
            "owner": "data-platform",
            "retries": 0,
            # A task that hangs fails, and then the cluster goes; the run's own timeout keeps it.
            "execution_timeout": timedelta(minutes=30),
            "on_failure_callback": [tell_of_task],
        },
    ) as dag:
        _chain_tasks(dag_id, domain, fact)
    return dag


def _chain_tasks(dag_id: str, domain: Domain, fact: str) -> None:
    definition = tasks.unpack_request(domain.name, dag_id).as_setup()
    cluster_id = tasks.create_cluster(definition).as_setup()
    cluster_is_up = tasks.wait_for_cluster(cluster_id).as_setup()
    server_started = tasks.start_thrift_server(cluster_id).as_setup()
    server = tasks.find_thrift_server(cluster_id).as_setup()
    chain(cluster_id, cluster_is_up, server_started, server)

    registered = tasks.register_run(domain.name, server)
    confirmed = tasks.confirm_registered(domain.name, server, registered).as_setup()
    models = _models(domain)
    # Its success emits the asset of the published fact, once a night.
    report = tasks.publish_report.override(outlets=[Asset(fact)])(domain.name, server, registered)
    after = [tasks.copy_dimension_files(domain.name), tasks.sweep_lake(domain.name, server)]
    # The definition is a setup too: with it alone there may be a cluster that nobody knows.
    setups = [definition, cluster_id]
    terminated = tasks.terminate_cluster(definition, cluster_id).as_teardown(setups=setups)
    chain(confirmed, models, report, after, terminated)
    # Only where readers have an Athena; a laptop's have none.
    if variable("SHELFWEEK_ATHENA_WORK_GROUP"):
        # Athena reads what is published and needs no cluster, so none waits for it.
        manifest = PROJECT / "target" / "athena" / "manifest.json"
        report >> model_tasks("views", domain, "athena", manifest, {})


def _models(domain: Domain) -> DbtTaskGroup:
    """The models that Spark builds, all tests before anything is published."""
    server = "ti.xcom_pull('find_thrift_server')"
    manifest = PROJECT / "target" / "manifest.json"
    models = model_tasks(
        "models",
        domain,
        "emr",
        manifest,
        {
            "SHELFWEEK_THRIFT_HOST": f"{{{{ {server}['host'] }}}}",
            "SHELFWEEK_THRIFT_PORT": f"{{{{ {server}['port'] }}}}",
        },
    )
    plan = f"model.shelfweek.{domain.name}__int_publications_planned"
    if plan not in models.tasks_map:
        plan = "model.shelfweek.int_publications_planned"
    if plan not in models.tasks_map:
        raise ManifestError(
            f"{manifest} knows no plan of {domain.name}'s publications: make manifest writes it "
            "anew"
        )
    # A test with several parents stands beside the graph. What it tests must not be published if it
    # fails, so it comes before the plan, as in `dbt build`.
    for node_id, test in models.tasks_map.items():
        if node_id.startswith("test."):
            test >> models.tasks_map[plan]
    return models
