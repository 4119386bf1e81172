"""The functions of a DAG's tasks, for tests that run them without Airflow."""

from __future__ import annotations

from functools import partial
from typing import Any


def function_of(dag: Any, task_id: str) -> partial[Any]:
    """What a task runs, with the arguments that are no results of other tasks."""
    task = dag.get_task(task_id)
    known = [argument for argument in task.op_args if isinstance(argument, str)]
    return partial(task.python_callable, *known)
