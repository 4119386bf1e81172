"""A real Airflow, driven by the readiness check's own code, runs nights on an emulated account."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from domains import RETAIL
from lakes import Lake, fact_differences

from airflow_client import AirflowClient, UnauthorizedError
from airflow_login import AirflowError, LoginSecret
from sandbox import emulated_account
from sandbox.airflow_server import AirflowServer
from sandbox.emulated_account import BUCKET, EmulatedAccount
from sandbox.faulty_aws import Fault, FaultyAws
from sandbox.night import DAG_ID, airflow_for, deploy_check
from sandbox.processes import HOST
from sandbox.readiness import Check
from sandbox.sample.__main__ import main as make_sample
from shelfweek.lake import loaded_nights
from shelfweek.night import DbtProject

pytestmark = pytest.mark.night

FIRST, SECOND, THIRD, FOURTH = (date(2026, 11, day) for day in (18, 19, 20, 21))
RUN_SECONDS = 1500.0

# How soon the scheduler takes a task that gives no sign of life for dead; the default is 5 minutes.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}


@dataclass(frozen=True)
class Night:
    """Everything that a night needs, running.

    Attributes:
        faulty: what Airflow and Spark take for the account.
        landing: the nights as a local folder; they are uploaded.
        plain: a lake of its own that takes the same nights without Airflow.
    """

    account: EmulatedAccount
    faulty: FaultyAws
    airflow: AirflowServer
    check: Check
    landing: Path
    plain: Lake

    def ask(self, load_date: date) -> str:
        """Let the readiness check look at a night; its answer's status."""
        payload = self.check.invoke({"load_date": str(load_date)})["Payload"]
        return str(payload.get("status") or payload)

    def wait(self, load_date: date) -> str:
        """Wait for the night's run; its state."""
        return self.airflow.wait_for_run(DAG_ID, f"nightly__{load_date}", RUN_SECONDS)

    def wait_for_task(self, load_date: date, task_id: str, state: str) -> None:
        """Wait until a task of the night's run is in a state."""
        deadline = time.monotonic() + RUN_SECONDS
        while self.states(load_date).get(task_id) != state:
            assert time.monotonic() < deadline, self.states(load_date)
            time.sleep(1)

    def wait_for_key(self, part: str) -> None:
        """Wait until the lake has an object with that in its key."""
        pages = self.account.aws.client("s3").get_paginator("list_objects_v2")
        deadline = time.monotonic() + RUN_SECONDS
        while not any(
            part in item["Key"]
            for page in pages.paginate(Bucket=BUCKET, Prefix="lake/")
            for item in page.get("Contents", [])
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def states(self, load_date: date) -> dict[str, str]:
        """State of each task of the night's run."""
        return self.airflow.task_states(DAG_ID, f"nightly__{load_date}")

    def kill_task(self, load_date: date, task_id: str) -> None:
        """Kill a task's own process, as the kernel does that has no memory left."""
        path = f"dags/{DAG_ID}/dagRuns/nightly__{load_date}/taskInstances/{task_id}"
        instance = self.airflow.get(path)["id"]
        deadline = time.monotonic() + 60
        while not (found := [p for p in airflow_processes() if instance in " ".join(cmdline(p))]):
            assert time.monotonic() < deadline, instance
            time.sleep(0.2)
        for process in found:
            process.kill()

    def clusters_of(self, load_date: date) -> list[str]:
        """Ids of all clusters that were started for a night, also of those that are gone."""
        listed = self.account.aws.client("emr").list_clusters()["Clusters"]
        return [each["Id"] for each in listed if f"nightly__{load_date} " in each["Name"]]

    def clear(self, load_date: date) -> None:
        """Run all tasks of a night's run again."""
        self.airflow.post(f"dags/{DAG_ID}/dagRuns/nightly__{load_date}/clear", {"dry_run": False})

    def subjects(self) -> list[str]:
        """Subjects of all mails."""
        return [mail.subject for mail in self.account.aws.mails()]

    def published(self) -> list[dict[str, Any]]:
        """What readers see of the fact; nothing where no night was published yet."""
        return self.lake.fact() if loaded_nights(self.account.engine, RETAIL) else []

    def fail(self, load_date: date) -> dict[str, str]:
        """Start the night's run, or clear it, let it fail; the states of its tasks."""
        if self.ask(load_date) != "started":
            self.clear(load_date)
        assert self.wait(load_date) == "failed"
        self.faulty.faults.clear()
        assert self.account.clusters_alive() == []
        return self.states(load_date)

    def finish(self, load_date: date) -> None:
        """Run the night again: it is published, and equals the lake without Airflow."""
        self.clear(load_date)
        assert self.wait(load_date) == "success", self.states(load_date)
        self.assert_whole(load_date)

    def assert_whole(self, load_date: date) -> None:
        """The night is published, and equals the lake without Airflow."""
        assert self.account.clusters_alive() == []
        self.plain.load(self.landing, load_date)
        assert fact_differences(self.lake.fact(), self.plain.fact()) == []
        assert self.lake.contents() == self.plain.contents()

    @property
    def lake(self) -> Lake:
        """The lake that the runs publish to."""
        return Lake(self.account.engine, self.landing, self.plain.project)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """An account, an Airflow, a check, and four nights in the bucket."""
    landing = tmp_path_factory.mktemp("landing")
    sizes = ["--stores", "3", "--products", "8", "--days", "30", "--nights", "4"]
    make_sample(["--to", str(landing), *sizes, "--end", str(FOURTH)])
    work = tmp_path_factory.mktemp("night")
    with emulated_account.running(work / "server", with_faults=True) as account:
        assert account.faulty
        emulated_account.upload(account.aws.client("s3"), landing)
        with airflow_for(account, work / "airflow", IMPATIENT) as server:
            engine = replace(account.engine, prefix="plain_")
            plain = Lake(engine, work / "plain", DbtProject(engine, work / "dbt"))
            check = deploy_check(account, server)
            yield Night(account, account.faulty, server, check, landing, plain)
        assert not airflow_processes()


def cmdline(process: psutil.Process) -> list[str]:
    """A process's command line; empty for one that has just ended."""
    with contextlib.suppress(psutil.Error):
        return list(process.cmdline())
    return []


def airflow_processes() -> list[psutil.Process]:
    """All processes of Airflow."""
    found = psutil.Process().children(recursive=True)
    return [each for each in found if "airflow" in " ".join(cmdline(each))]


class Secrets:
    """Secrets Manager with one login."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.login = {"url": url, "username": username, "password": password}

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        """The login as JSON."""
        return {"SecretString": json.dumps(self.login)}


def client_of(airflow: AirflowServer, password: str) -> AirflowClient:
    """The readiness check's client."""
    secret = LoginSecret(Secrets(airflow.url, airflow.username, password), "arn")
    return AirflowClient(secret, 30.0, lambda *_, **__: None)


def test_airflow_listens_on_loopback_only(night: Night) -> None:
    listening = {
        connection.laddr.ip
        for process in airflow_processes()
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {HOST}


def test_a_wrong_password_is_refused(night: Night, conf: dict[str, Any]) -> None:
    with pytest.raises(UnauthorizedError):
        client_of(night.airflow, "wrong").start(DAG_ID, "wrong-password", conf)


@pytest.mark.parametrize("key", ["emr", "load_date"])
def test_a_wrong_conf_is_refused_with_the_reason(
    night: Night, conf: dict[str, Any], key: str
) -> None:
    client = client_of(night.airflow, night.airflow.password)
    with pytest.raises(AirflowError, match=rf"400.*{key}"):
        client.start(DAG_ID, "wrong-conf", {**conf, key: None})
    assert client.find_run(DAG_ID, "wrong-conf") is None


def test_a_night_is_published_once(night: Night) -> None:
    assert night.ask(FIRST) == "started"
    assert night.ask(FIRST) == "already_started"
    assert night.wait(FIRST) == "success", night.states(FIRST)
    assert set(night.states(FIRST).values()) == {"success"}
    assert night.account.clusters_alive() == []
    events = night.airflow.get("assets/events")["asset_events"]
    assert len(events) == 1
    night.plain.load(night.landing, FIRST)
    assert len(night.plain.fact()) > 100
    assert fact_differences(night.lake.fact(), night.plain.fact()) == []
    assert night.lake.contents() == night.plain.contents()


def test_what_is_lost_once_is_repeated_without_a_person(night: Night) -> None:
    """EMR's answer, polls, and a statement of a model: no mail, and one cluster, which is gone."""
    mails = len(night.subjects())
    candidate = f"PUT /{BUCKET}/lake/retail/marts/fct_weekly_sales_inventory/"
    night.faulty.faults += [
        Fault.lost_answer("ElasticMapReduce.RunJobFlow"),
        Fault.refusal("ElasticMapReduce.DescribeCluster", "ThrottlingException", "Slow down.", 3),
        Fault.of_s3(candidate, 403, "AccessDenied", 1),
    ]
    assert night.ask(SECOND) == "started"
    assert night.wait(SECOND) == "success", night.states(SECOND)
    assert [fault.times for fault in night.faulty.faults] == [0, 0, 0]
    night.faulty.faults.clear()
    assert len(night.clusters_of(SECOND)) == 1
    assert len(night.subjects()) == mails
    night.assert_whole(SECOND)


def test_a_task_that_is_killed_is_told_and_its_cluster_goes(night: Night) -> None:
    throttle = ("ElasticMapReduce.DescribeCluster", "ThrottlingException", "Slow down.")
    night.faulty.faults.append(Fault.refusal(*throttle))
    assert night.ask(THIRD) == "started"
    night.wait_for_task(THIRD, "wait_for_cluster", "running")
    night.kill_task(THIRD, "wait_for_cluster")
    assert night.wait(THIRD) == "failed"
    night.faulty.faults.clear()
    assert night.states(THIRD)["terminate_cluster"] == "success"
    assert night.account.clusters_alive() == []
    deadline = time.monotonic() + 60
    while f"Shelfweek {THIRD}: wait_for_cluster failed" not in night.subjects():
        assert time.monotonic() < deadline, night.subjects()
        time.sleep(1)
    assert len([subject for subject in night.subjects() if str(THIRD) in subject]) == 1


FAULTS = {
    "create_cluster": Fault.refusal(
        "ElasticMapReduce.RunJobFlow", "ValidationException", "Instance type is not supported."
    ),
    "wait_for_cluster": Fault(
        "ElasticMapReduce.DescribeCluster",
        200,
        b'{"Cluster": {"Id": "j-1", "Status": {"State": "TERMINATED_WITH_ERRORS", '
        b'"StateChangeReason": {"Code": "INSTANCE_FAILURE", "Message": "No capacity."}}}}',
    ),
    "start_thrift_server": Fault(
        "ElasticMapReduce.DescribeStep",
        200,
        b'{"Step": {"Id": "s-1", "Status": {"State": "FAILED"}}}',
    ),
}


@pytest.mark.parametrize("task_id", FAULTS)
def test_a_cluster_that_does_not_come_up_is_told_and_taken_away(night: Night, task_id: str) -> None:
    before = night.published()
    night.faulty.faults.append(FAULTS[task_id])
    states = night.fail(SECOND)
    assert states[task_id] == "failed"
    assert states["register_run"] == "upstream_failed"
    assert night.published() == before
    assert f"Shelfweek {SECOND}: {task_id} failed" in night.subjects()


def test_another_run_of_a_night_asks_for_another_market(night: Night) -> None:
    """As docs/orchestration.md says: a run that is cleared keeps its conf."""
    night.faulty.faults.append(FAULTS["create_cluster"])
    night.ask(SECOND)
    runs = f"dags/{DAG_ID}/dagRuns"
    conf = night.airflow.get(f"{runs}/nightly__{SECOND}")["conf"]
    conf["emr"]["market"] = "ON_DEMAND"
    run_id = f"nightly__{SECOND}__on_demand"
    night.airflow.post(runs, {"dag_run_id": run_id, "logical_date": None, "conf": conf})
    assert night.airflow.wait_for_run(DAG_ID, run_id, RUN_SECONDS) == "failed"
    night.faulty.faults.clear()
    entry = f"{runs}/{run_id}/taskInstances/unpack_request/xcomEntries/return_value"
    definition = night.airflow.get(f"{entry}?deserialize=true")["value"]
    markets = [group["Market"] for group in definition["Instances"]["InstanceGroups"]]
    assert markets == ["ON_DEMAND", "ON_DEMAND"]


def test_a_run_that_is_marked_failed_by_hand_terminates_its_cluster(night: Night) -> None:
    before = night.published()
    night.clear(SECOND)
    night.wait_for_task(SECOND, "register_run", "running")
    assert night.account.clusters_alive()
    night.airflow.patch(f"dags/{DAG_ID}/dagRuns/nightly__{SECOND}", {"state": "failed"})
    night.wait_for_task(SECOND, "terminate_cluster", "success")
    assert night.account.clusters_alive() == []
    assert night.published() == before


def test_a_failed_data_test_publishes_nothing(night: Night) -> None:
    before = night.published()
    s3 = night.account.aws.client("s3")
    key = f"landing/sales/load_date={SECOND}/sales_{SECOND:%Y%m%d}.csv"
    whole = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    # Every tenth row has a key that is no number; the file keeps its bytes.
    header, *rows = whole.split(b"\n")
    spoiled = [b"X" + row[1:] if number % 10 == 0 else row for number, row in enumerate(rows)]
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"\n".join([header, *spoiled])[: len(whole)])
    states = night.fail(SECOND)
    s3.put_object(Bucket=BUCKET, Key=key, Body=whole)
    assert states["models.int_load_row_counts.test"] == "failed"
    assert states["models.runs_run"] != "success"
    assert states["terminate_cluster"] == "success"
    assert night.published() == before
    assert f"Shelfweek {SECOND}: models.int_load_row_counts.test failed" in night.subjects()


def test_a_failed_model_publishes_nothing_and_the_next_run_is_whole(night: Night) -> None:
    """Spark may not write the candidate; in the next run S3 asks everybody to slow down."""
    before = night.published()
    candidate = f"PUT /{BUCKET}/lake/retail/marts/fct_weekly_sales_inventory/"
    night.faulty.faults.append(Fault.of_s3(candidate, 403, "AccessDenied"))
    states = night.fail(SECOND)
    model = "models.int_weekly_sales_inventory_aggregated.run"
    assert states[model] == "failed"
    assert states["models.runs_run"] != "success"
    assert night.published() == before
    assert f"Shelfweek {SECOND}: {model} failed" in night.subjects()

    before_faults = night.faulty.met
    for action in ("GET", "PUT", "HEAD", "POST"):
        night.faulty.faults.append(Fault.of_s3(f"{action} /{BUCKET}", 503, "SlowDown", 3))
    night.finish(SECOND)
    assert night.faulty.met >= before_faults + 9


@pytest.mark.parametrize("moment", ["inside a model", "between models"])
def test_a_killed_thrift_server_publishes_nothing(night: Night, moment: str) -> None:
    before = night.published()
    if night.ask(THIRD) != "started":
        night.clear(THIRD)
    if moment == "between models":
        night.wait_for_task(THIRD, "models.stg_retail__sales_run", "success")
    else:
        night.wait_for_key("_temporary")
    night.account.kill_thrift_server()
    assert night.wait(THIRD) == "failed"
    night.account.restart_thrift_server()
    assert night.states(THIRD)["models.runs_run"] != "success"
    assert night.account.clusters_alive() == []
    assert night.published() == before


def test_a_killed_scheduler_leaves_no_cluster_and_a_night_that_can_be_finished(
    night: Night,
) -> None:
    before = night.published()
    night.clear(THIRD)
    night.wait_for_task(THIRD, "models.base_retail__sales_run", "success")
    night.airflow.stop("scheduler", signal.SIGKILL)
    assert night.published() == before
    night.airflow.start("scheduler")
    # Airflow takes a task whose worker is gone for dead after five minutes, and tries it again.
    if night.wait(THIRD) == "success":
        night.assert_whole(THIRD)
    else:
        assert night.account.clusters_alive() == []
        assert night.published() == before
        night.finish(THIRD)


def test_a_cleared_night_builds_each_model_of_its_own_dump(night: Night) -> None:
    """A build that was broken off has told of models that held another dump."""
    s3 = night.account.aws.client("s3")
    key = f"landing/store/load_date={FOURTH}/store_{FOURTH:%Y%m%d}.csv"
    whole = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    other = whole.replace(b"Fairhaven", b"Foulhaven")
    assert other != whole
    s3.put_object(Bucket=BUCKET, Key=key, Body=other)
    assert night.ask(FOURTH) == "started"
    night.wait_for_task(FOURTH, "models.stg_retail__store_run", "success")
    night.airflow.patch(f"dags/{DAG_ID}/dagRuns/nightly__{FOURTH}", {"state": "failed"})
    night.wait_for_task(FOURTH, "terminate_cluster", "success")
    s3.put_object(Bucket=BUCKET, Key=key, Body=whole)
    night.finish(FOURTH)
