"""A domain's dbt models and tests as tasks of a DAG: Cosmos draws them from dbt's manifest."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

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

from account import cosmos_mode
from repeating_producer import RepeatingProducer
from shelfweek.domain import Domain
from shelfweek.project import PROJECT


def model_tasks(
    group_id: str, domain: Domain, target: str, manifest: Path, variables: dict[str, str]
) -> DbtTaskGroup:
    """A task for each dbt model of a domain on a target, and one for each model's tests.

    manifest: what `make manifest` wrote for the target. variables: templates for dbt's environment.
    """
    is_watched = cosmos_mode() != "local"
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
            execution_mode=ExecutionMode.WATCHER if is_watched else ExecutionMode.LOCAL,
            invocation_mode=InvocationMode.DBT_RUNNER,
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            select=domain.selectors,
            exclude=["resource_type:seed", "resource_type:exposure"],
            test_behavior=TestBehavior.AFTER_EACH,
            should_detach_multiple_parents_tests=True,
            # Their names would hold the cluster's address, another one every night.
            emit_datasets=False,
        ),
        operator_args={
            "append_env": True,
            # Seconds between two looks at what the one dbt has done so far.
            **({"poke_interval": 3} if is_watched else {}),
        },
        # A node that failed is tried once more by its own task, with a dbt of its own.
        default_args={
            "execution_timeout": timedelta(hours=3),
            "retries": 1,
            "retry_delay": timedelta(seconds=15),
        },
    )
    if is_watched:
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
