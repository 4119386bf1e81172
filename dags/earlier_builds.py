"""What an earlier build of a night has told the tasks that watch it, forgotten when it is cleared.

Airflow deletes a task's XComs when its next try begins, not when it is cleared, and Cosmos keeps a
copy of the producer's in a Variable, which it gives back to a try after the first. A watching task
that looks before, or at the copy, takes a model of the run before for one of this run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Variable
from airflow.sdk.bases.xcom import BaseXCom
from cosmos.operators._watcher.aggregation import get_tests_status_xcom_key
from cosmos.operators._watcher.base import BaseConsumerSensor
from cosmos.operators._watcher.state import get_status_xcom_key
from cosmos.operators._watcher.xcom import _xcom_backup_variable_key


def forget_earlier_builds(context: Mapping[str, Any]) -> None:
    """Delete what the builds of this DAG run have told, so that each model is built anew."""
    ti = context["ti"]
    watchers = [task for task in context["dag"].tasks if isinstance(task, BaseConsumerSensor)]
    for producer in {watcher.producer_task_id for watcher in watchers}:
        group = producer.rpartition(".")[0]
        Variable.delete(_xcom_backup_variable_key(ti.dag_id, group, ti.run_id))
    for watcher in watchers:
        key_of = get_tests_status_xcom_key if watcher.is_test_sensor else get_status_xcom_key
        key = key_of(watcher.model_unique_id)
        BaseXCom.delete(key, watcher.producer_task_id, ti.dag_id, ti.run_id, map_index=-1)
