"""A whole night on this machine: dump, readiness check, Airflow, cluster, published tables.

The stand-ins: an emulated AWS account, the laptop's Thrift Server for that of a cluster, and the
sample for Snowflake's unload. Everything else is what runs on AWS: the readiness check's stack and
code, Airflow with the DAGs, dbt with the models.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import FrameType, MappingProxyType

from rich.console import Console
from rich.text import Text

from sandbox import airflow_server, emulated_account, readiness, s3a, thrift_server
from sandbox.airflow_server import AirflowServer, AirflowServerError
from sandbox.aws import EmulatorError
from sandbox.emulated_account import (
    BUCKET,
    LAKE_URI,
    LANDING_PREFIX,
    RECIPIENT,
    SENDER,
    EmulatedAccount,
)
from sandbox.readiness import Check
from sandbox.sample.__main__ import main as make_sample
from shelfweek.report import print_report, read_report

DAG_ID = "nightly_retail"
LOAD_DATE = date(2026, 11, 20)
NIGHT_SECONDS = 1200.0


class NightPlayError(RuntimeError):
    """The night did not come to its end; the text says where."""


@dataclass
class Story:
    """Prints what happens, with the seconds since the beginning."""

    console: Console
    began: float = field(default_factory=time.monotonic)

    def tell(self, text: str) -> None:
        """Print one line."""
        seconds = time.monotonic() - self.began
        self.console.print(f"{seconds:7.1f} s  {text}", highlight=False)


@contextlib.contextmanager
def airflow_for(
    account: EmulatedAccount, home: Path, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[AirflowServer]:
    """Run Airflow on an emulated account; more: variables that win over the account's."""
    airflow_server.make_manifest(account.thrift_address)
    with airflow_server.running(home, {**account.variables, **more}) as airflow:
        yield airflow


def deploy_check(account: EmulatedAccount, airflow: AirflowServer) -> Check:
    """Deploy the readiness check with a login to Airflow."""
    return readiness.deploy(
        account.aws,
        "readiness",
        {
            "LandingBucket": BUCKET,
            "LandingPrefix": LANDING_PREFIX,
            "AirflowSecretArn": readiness.put_login(account.aws, airflow, "shelfweek/airflow"),
            "SenderIdentity": SENDER,
            "MailFrom": SENDER,
            "MailTo": RECIPIENT,
            "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
        },
    )


def play(console: Console) -> None:
    """Play the night and print it.

    Raises:
        NightPlayError, AirflowServerError, EmulatorError, ThriftServerError, JarError: where it
            stopped.
    """
    story = Story(console)
    with (
        tempfile.TemporaryDirectory(prefix="shelfweek-night-") as folder,
        contextlib.ExitStack() as on,
    ):
        work = Path(folder)
        account = on.enter_context(emulated_account.running(work / "server"))
        story.tell(f"emulated AWS account and Spark Thrift Server are up ({account.aws.endpoint})")
        make_sample(["--to", str(work / "landing"), "--nights", "1", "--end", str(LOAD_DATE)])
        emulated_account.upload(account.aws.client("s3"), work / "landing")
        story.tell(f"the dump of {LOAD_DATE} lies in s3://{BUCKET}/{LANDING_PREFIX}")
        airflow = on.enter_context(airflow_for(account, work / "airflow"))
        story.tell(f"Airflow is healthy: {airflow.url}")
        check = deploy_check(account, airflow)
        story.tell("the readiness check is deployed")
        answer = check.invoke({"load_date": str(LOAD_DATE)})["Payload"]
        if answer.get("status") != "started":
            raise NightPlayError(f"the readiness check started no run: {answer}")
        story.tell(f"the readiness check found the dump whole and started {answer['run_id']}")
        _follow(story, airflow, account, answer["run_id"])
        again = check.invoke({"load_date": str(LOAD_DATE)})["Payload"]
        story.tell(f"a second check starts nothing: {again['status']}")
        engine = account.engine
        runs = engine.query(f"select distinct run_id from {engine.marts('runs')}")  # noqa: S608
        print_report(console, read_report(engine, [runs[0]["run_id"]], [LOAD_DATE]), [])
        story.tell(f"the lake lies in {LAKE_URI}; stopping")
    story.tell("everything is stopped")


def _follow(story: Story, airflow: AirflowServer, account: EmulatedAccount, run_id: str) -> None:
    """Tell of each task that ends, until the run has ended.

    Raises:
        NightPlayError: the run failed, or a cluster is left.
    """
    told: set[str] = set()
    deadline = time.monotonic() + NIGHT_SECONDS
    state = "running"
    while state not in ("success", "failed"):
        if time.monotonic() > deadline:
            raise NightPlayError(f"the run has not ended after {NIGHT_SECONDS:.0f} s")
        time.sleep(2)
        with contextlib.suppress(OSError):  # a busy server: ask again
            state = airflow.get(f"dags/{DAG_ID}/dagRuns/{run_id}")["state"]
            for task, result in airflow.task_states(DAG_ID, run_id).items():
                has_ended = result in ("success", "failed", "upstream_failed", "skipped")
                if has_ended and task not in told:
                    told.add(task)
                    story.tell(f"    {result:8} {task}")
    if state == "failed":
        mails = [mail.subject for mail in account.aws.mails()]
        raise NightPlayError(f"the run failed; mails: {mails}")
    if alive := account.clusters_alive():
        raise NightPlayError(f"clusters are left: {alive}")
    story.tell("the run succeeded and its cluster is gone")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Play the night and return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 100
    try:
        play(console)
    except (
        NightPlayError,
        AirflowServerError,
        EmulatorError,
        thrift_server.ThriftServerError,
        s3a.JarError,
    ) as error:
        Console(stderr=True, highlight=False).print(Text(f"error: {error}", style="red"))
        return 1
    except KeyboardInterrupt:
        Console(stderr=True).print("\nStopped; nothing runs any more.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
