"""The DAGs can be imported, are documented and owned, and have the order that a night needs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from dag_tasks import function_of
from served_lakes import SETTINGS

from account import SettingsError
from sandbox import airflow_server
from sandbox.emulated_account import AIRFLOW_SETTINGS
from shelfweek.domain import Domain
from shelfweek.nightly_request import RequestError
from shelfweek.project import PROJECT

PARSE_SECONDS = 2.0
# Cosmos names them and says what they are.
OF_COSMOS = "models."


def upstream_of(dag: Any, task_id: str) -> set[str]:
    return {task.task_id for task in dag.get_task(task_id).get_flat_relatives(upstream=True)}


def test_all_dags_are_imported_without_cycles(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == {"nightly_retail", "reap_stale_clusters"}
    for dag in dag_bag.dags.values():
        dag.check_cycle()


def test_every_dag_and_task_is_owned_and_documented(dag_bag: Any) -> None:
    for dag in dag_bag.dags.values():
        assert dag.doc_md
        assert dag.description
        assert dag.tags
        assert dag.max_active_runs == 1
        assert dag.catchup is False
        for task in dag.tasks:
            assert task.owner == "data-platform", task.task_id
            assert task.execution_timeout, task.task_id
            assert task.doc_md or task.task_id.startswith(OF_COSMOS), task.task_id


def test_what_must_not_be_repeated_is_not(night: Any) -> None:
    retries = {task.task_id: task.retries for task in night.tasks}
    assert retries["wait_for_cluster"] == retries["confirm_registered"] == 0
    assert min(retries[name] for name in ("create_cluster", "register_run", "publish_report")) >= 1
    assert retries["terminate_cluster"] >= 3


def test_every_failure_of_every_dag_sends_a_mail(dag_bag: Any) -> None:
    for dag in dag_bag.dags.values():
        assert dag.on_failure_callback
        assert not [task.task_id for task in dag.tasks if not task.on_failure_callback]


def test_the_cluster_goes_whatever_happens(night: Any) -> None:
    terminate = night.get_task("terminate_cluster")
    assert terminate.is_teardown
    # Its definition is enough: there may be a cluster although create_cluster failed.
    setups = {task.task_id for task in terminate.upstream_list if task.is_setup}
    assert setups == {"unpack_request", "create_cluster"}
    ends = {task.task_id for task in night.tasks if not task.downstream_list}
    assert ends == {"terminate_cluster"}


def test_clearing_a_model_brings_back_the_cluster_and_the_check_of_the_lake(night: Any) -> None:
    model = night.get_task("models.int_weekly_sales_inventory_aggregated.run")
    again = {task.task_id for task in model.get_upstreams_only_setups_and_teardowns()}
    assert again == {
        "unpack_request", "create_cluster", "wait_for_cluster", "start_thrift_server",
        "find_thrift_server", "confirm_registered", "terminate_cluster",
    }  # fmt: skip


@pytest.fixture(scope="session")
def manifest(dag_bag: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((PROJECT / "target" / "manifest.json").read_bytes())
    return content


def test_who_reads_a_manifest_never_finds_half_of_one(dag_bag: Any) -> None:
    with (PROJECT / "target" / "manifest.json").open() as reader:
        before = reader.read()
        airflow_server.make_manifest({})
        reader.seek(0)
        assert reader.read() == before


def test_every_model_is_a_task_and_seeds_are_none(night: Any, manifest: dict[str, Any]) -> None:
    tasks = set(night.task_ids)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            names = {f"models.{node['name']}_run", f"models.{node['name']}.run"}
            assert len(names & tasks) == 1, node["name"]
        if node["resource_type"] == "seed":
            assert not [task for task in tasks if node["name"] in task]


def test_every_test_comes_before_publishing(night: Any, manifest: dict[str, Any]) -> None:
    before = upstream_of(night, "models.int_publications_planned_run")
    for node in manifest["nodes"].values():
        if node["resource_type"] != "test":
            continue
        parents = [parent.split(".")[-1] for parent in node["depends_on"]["nodes"]]
        if len(parents) > 1:
            assert f"models.{node['name']}_test" in before
        else:
            assert f"models.{parents[0]}.test" in before


def test_each_test_is_reported_to_the_one_task_that_shows_it(
    night: Any, manifest: dict[str, Any]
) -> None:
    reported_to: dict[str, list[str]] = {}
    for watched, tests in night.get_task("models.dbt_producer_watcher").tests_per_model.items():
        for test in tests:
            reported_to.setdefault(test, []).append(watched)
    for test, node in manifest["nodes"].items():
        if node["resource_type"] == "test":
            parents = node["depends_on"]["nodes"]
            assert reported_to[test] == ([test] if len(parents) > 1 else parents)


def test_runs_are_published_last(night: Any, manifest: dict[str, Any]) -> None:
    before = upstream_of(night, "models.runs_run")
    published = [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["materialized"] == "published"
    ]
    assert {f"models.{name}_run" for name in published} - before == {"models.runs_run"}


def test_the_asset_of_the_fact_is_the_only_one_and_emitted_after_publishing(night: Any) -> None:
    emitting = {task.task_id: task.outlets for task in night.tasks if task.outlets}
    assert [asset.name for asset in emitting.pop("publish_report")] == [
        "fct_weekly_sales_inventory"
    ]
    assert not emitting
    assert "models.runs_run" in upstream_of(night, "publish_report")


@pytest.fixture
def served_night(dag_bag: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The DAG of the night where readers have an Athena."""
    for name, text in SETTINGS.items():
        monkeypatch.setenv(name, text)
    airflow_server.make_manifest(SETTINGS)
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=PROJECT / "dags")
    assert bag.import_errors == {}
    return bag.dags["nightly_retail"]


def test_without_an_athena_there_are_no_views(night: Any) -> None:
    assert not [task for task in night.task_ids if task.startswith("views.")]


def test_views_are_replaced_after_publishing_and_keep_no_cluster(served_night: Any) -> None:
    views = {path.stem for path in (PROJECT / "models" / "serving").rglob("*.sql")}
    for name in views:
        (task,) = {f"views.{name}_run", f"views.{name}.run"} & set(served_night.task_ids)
        assert "publish_report" in upstream_of(served_night, task)
        assert task not in upstream_of(served_night, "terminate_cluster")
    served_night.check_cycle()
    assert not [task.task_id for task in served_night.tasks if not task.on_failure_callback]


@pytest.mark.parametrize("text", [None, "", "wrong"])
def test_no_variable_makes_a_dag_vanish(
    dag_bag: Any, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    for name in (*AIRFLOW_SETTINGS, "SHELFWEEK_COSMOS_MODE", "SHELFWEEK_THRIFT_PORT"):
        monkeypatch.delenv(name, raising=False)
        if text is not None:
            monkeypatch.setenv(name, text)
    monkeypatch.setenv("SHELFWEEK_ATHENA_WORK_GROUP", "")
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=PROJECT / "dags")
    assert bag.import_errors == {}
    assert set(bag.dags) == set(dag_bag.dags)
    night: Any = bag.dags["nightly_retail"]
    assert not [task for task in night.task_ids if task.startswith("views.")]
    unpack_request = function_of(night, "unpack_request")
    with pytest.raises(Exception, match="SHELFWEEK_"):
        unpack_request()


def test_a_region_that_is_not_set_is_named_by_the_first_task(
    night: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(SettingsError, match="no AWS region is set: AWS_DEFAULT_REGION"):
        function_of(night, "unpack_request")()


def test_parsing_is_fast_and_never_starts_a_program(
    dag_bag: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    def refuse(*arguments: Any, **_: Any) -> None:
        raise AssertionError(f"parsing started {arguments}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    from airflow.dag_processing.dagbag import DagBag

    began = time.process_time()
    again = DagBag(dag_folder=PROJECT / "dags")
    seconds = time.process_time() - began
    assert again.import_errors == {}
    assert seconds < PARSE_SECONDS


WRONG: list[tuple[str, Any]] = [
    ("load_date", "2026-11-31"),
    ("load_date", "20.11.2026"),
    ("landing_uri", "/local/folder"),
    ("files", {}),
    ("manifest", 1),
    ("emr", {}),
    ("accept_shrink", "yes"),
    ("max_rejected_share", 5),
    ("max_rejected_share", -0.1),
    ("max_rejected_share", "0.05"),
    ("rebuild_from", True),
    ("rebuild_from", "all"),
    ("rebuild_from", "2026-11-31"),
]
WRONG_EMR: list[tuple[str, Any]] = [
    ("release", "7.13.0"),
    ("market", "spot"),
    ("core_instance_count", 0),
    ("core_instance_count", "2"),
    ("task_instance_count", -1),
    ("core_instance_type", ""),
    ("another", 1),
]


def validated(night: Any, conf: dict[str, Any]) -> dict[str, Any]:
    """The params of a run with this conf, as Airflow checks them."""
    params = deepcopy(night.params)
    params.update(conf)
    result: dict[str, Any] = params.validate()
    return result


def test_a_conf_of_the_readiness_check_is_accepted(night: Any, conf: dict[str, Any]) -> None:
    left_out = {"accept_shrink": False, "max_rejected_share": None, "rebuild_from": None}
    assert validated(night, conf) == {**conf, **left_out}


def test_a_conf_of_a_rebuild_is_accepted(night: Any, rebuild_conf: dict[str, Any]) -> None:
    limits = {"accept_shrink": False, "max_rejected_share": None}
    assert validated(night, rebuild_conf) == {**rebuild_conf, **limits}


def test_a_person_may_set_limits(night: Any, conf: dict[str, Any]) -> None:
    conf |= {"accept_shrink": True, "max_rejected_share": 0.05}
    assert validated(night, conf) == {**conf, "rebuild_from": None}


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_wrong_conf_is_refused(night: Any, conf: dict[str, Any], key: str, value: Any) -> None:
    from airflow.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        validated(night, {**conf, key: value})


@pytest.mark.parametrize(("key", "value"), WRONG_EMR)
def test_a_wrong_cluster_is_refused(night: Any, conf: dict[str, Any], key: str, value: Any) -> None:
    from airflow.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        validated(night, {**conf, "emr": {**conf["emr"], key: value}})


def test_a_landing_that_is_not_allowed_ends_the_night_before_it_costs_anything(
    night: Any, conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack_request = function_of(night, "unpack_request")
    context = {
        "params": {**conf, "landing_uri": "s3://another/landing"},
        "dag_run": SimpleNamespace(conf={}),
        "run_id": "run",
    }
    monkeypatch.setitem(unpack_request.func.__globals__, "get_current_context", lambda: context)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(RequestError, match="no night is loaded from s3://another/landing"):
        unpack_request()


@pytest.fixture
def task_of(night: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Gives a task's function, as of a run with some conf."""

    def task(name: str, conf: dict[str, Any]) -> Any:
        function = function_of(night, name)
        context = {
            "params": conf,
            "dag_run": SimpleNamespace(conf={}),
            "run_id": "run",
            "ti": SimpleNamespace(try_number=1),
        }
        monkeypatch.setitem(function.func.__globals__, "get_current_context", lambda: context)
        return function

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return task


def test_a_rebuild_gets_a_cluster_and_reads_no_dump(
    task_of: Callable[..., Any], rebuild_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack_request = task_of("unpack_request", rebuild_conf)
    monkeypatch.setenv("SHELFWEEK_COSMOS_MODE", "local")
    assert unpack_request()["Instances"]["InstanceGroups"]
    assert task_of("copy_dimension_files", rebuild_conf)() == []


def test_a_rebuild_is_registered_from_its_first_day_on(
    task_of: Callable[..., Any], rebuild_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shelfweek.rebuild

    asked = []

    def register_rebuild(_project: object, domain: Domain, lake: str, first_day: date) -> str:
        asked.append((domain.name, lake, first_day))
        return "a run"

    monkeypatch.setattr(shelfweek.rebuild, "register_rebuild", register_rebuild)
    register_run = task_of("register_run", rebuild_conf)
    assert register_run({"host": "127.0.0.1", "port": "1"}) == "a run"
    lake = AIRFLOW_SETTINGS["SHELFWEEK_LAKE"]
    assert asked == [("retail", lake, date(2026, 11, 3))]


def test_a_cleared_night_forgets_what_earlier_builds_have_told(
    night: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each model's and each test's state, and Cosmos' copy of them all."""
    from airflow.sdk import Variable
    from airflow.sdk.bases.xcom import BaseXCom

    from earlier_builds import forget_earlier_builds

    variables: list[str] = []
    keys: dict[str, str] = {}
    monkeypatch.setattr(Variable, "delete", variables.append)
    monkeypatch.setattr(
        BaseXCom,
        "delete",
        lambda key, task_id, dag_id, run_id, map_index: keys.update({key: task_id}),
    )
    ti = SimpleNamespace(dag_id=night.dag_id, run_id="nightly__2026-11-20")
    forget_earlier_builds({"ti": ti, "dag": night})
    assert variables == ["cosmos_xcom_backup__nightly_retail__models__nightly__2026-11-20"]
    assert set(keys.values()) == {"models.dbt_producer_watcher"}
    watched = [task for task in night.task_ids if task.startswith("models.")]
    # The producer and Cosmos' task behind it watch nothing.
    assert len(keys) == len(watched) - 2
    assert "model__shelfweek__base_retail__run_status" in keys
    assert "model__shelfweek__int_load_row_counts_tests_status" in keys


@pytest.mark.parametrize(
    "key", ["load_date", "landing_uri", "files", "manifest", "emr", "emr.market", "files.sales"]
)
def test_what_a_night_loads_is_never_a_default(night: Any, conf: dict[str, Any], key: str) -> None:
    from airflow.exceptions import ParamValidationError

    outer, _, inner = key.partition(".")
    if inner:
        conf[outer] = {name: value for name, value in conf[outer].items() if name != inner}
    else:
        del conf[outer]
    with pytest.raises(ParamValidationError):
        validated(night, conf)
