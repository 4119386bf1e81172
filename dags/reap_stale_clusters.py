"""### Clusters that outlived their night

A cluster with a Thrift Server never looks idle to EMR: the server is an application that runs. When
a night's own teardown did not happen (Airflow was down, EMR refused), this DAG terminates its
cluster: every hour, those of this Airflow's nights (by their tags of lake and DAG) whose run has
ended or that are older than any night takes. It leaves all other clusters alone, another Airflow's
in the same account too, and tells what it did in its log.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.sdk import DAG, get_current_context, task

from emr_cluster import LONGEST_LIFE, NIGHT_DAG_ID, RUN_TAG, AccountSettings
from shelfweek.stale_clusters import stale_clusters, terminate

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
    default_args={
        "owner": "data-platform",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=10),
    },
) as dag:

    @task
    def terminate_stale_clusters() -> list[str]:
        """Terminate them and return their ids."""
        running = get_current_context()["ti"]

        def has_ended(run_id: str) -> bool:
            states = ["queued", "running"]
            return running.get_dr_count(NIGHT_DAG_ID, run_ids=[run_id], states=states) == 0

        emr = EmrHook().conn
        owner_tags = AccountSettings.from_environment().owner_tags
        stale = stale_clusters(emr, owner_tags, RUN_TAG, datetime.now(UTC), LONGEST_LIFE, has_ended)
        for cluster in stale:
            print(f"Terminating {cluster.cluster_id}: {cluster.reason}.")
        terminate(emr, stale)
        return [cluster.cluster_id for cluster in stale]

    terminate_stale_clusters()
