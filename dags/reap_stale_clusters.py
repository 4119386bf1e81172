"""### Clusters that outlived their night

A cluster with a Thrift Server never looks idle to EMR: the server is an application that runs. When
a night's own teardown did not happen (Airflow was down, EMR refused), this DAG terminates its
cluster: every hour, those of this Airflow's nights, of whatever DAG (by their tags), whose run has
ended or that are older than any night takes. It leaves all other clusters alone, another Airflow's
in the same account too, and tells what it did in its log. What it could not look at or terminate
keeps it from no other cluster, and fails its run when all others are gone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.sdk import DAG, get_current_context, task

from account import AccountSettings
from emr_cluster import LONGEST_LIFE
from failure_mails import tell_of_run, tell_of_task
from shelfweek import clusters

with DAG(
    "reap_stale_clusters",
    description="Terminate clusters that outlived their night",
    doc_md=__doc__,
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["emr"],
    on_failure_callback=tell_of_run,
    default_args={
        "owner": "data-platform",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=10),
        "on_failure_callback": [tell_of_task],
    },
) as dag:

    @task
    def terminate_stale_clusters() -> list[str]:
        """Terminate them and return their ids; fail for what could not be done, after the rest."""
        running = get_current_context()["ti"]

        def has_ended(dag_id: str, run_id: str) -> bool:
            states = ["queued", "running"]
            return running.get_dr_count(dag_id, run_ids=[run_id], states=states) == 0

        emr = EmrHook(config=clusters.POLLING).conn
        owner_tags = AccountSettings.from_environment().owner_tags
        stale, faults = clusters.stale_clusters(
            emr, owner_tags, datetime.now(UTC), LONGEST_LIFE, has_ended
        )
        for cluster in stale:
            print(f"Terminating {cluster.cluster_id}: {cluster.reason}.")
        faults += clusters.terminate(emr, [cluster.cluster_id for cluster in stale])
        if faults:
            raise clusters.ClusterError("; ".join(faults))
        return [cluster.cluster_id for cluster in stale]

    terminate_stale_clusters()
