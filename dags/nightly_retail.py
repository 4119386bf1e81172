"""### One night of retail sales and inventory

The readiness check starts a run of this DAG with the night's files and the size of its cluster. The
run brings up an EMR cluster, builds, tests and publishes the dbt models through its Spark Thrift
Server, task by task, and takes the cluster away whatever happens. With `rebuild_from` a run derives
the published weeks again from staged rows, without a dump.

What each task does, and what to do when it is red: docs/orchestration.md.
"""

from __future__ import annotations

from night_dag import night_dag
from shelfweek.domain import domain

# Airflow looks for DAGs in files that speak of airflow and of a dag.
dag = night_dag(
    "nightly_retail",
    domain("retail"),
    "fct_weekly_sales_inventory",
    description="A night's dump to the published weekly fact: EMR, dbt over Thrift",
    doc_md=__doc__,
)
