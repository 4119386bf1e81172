"""A whole night on this machine: dump, readiness check, Airflow, cluster, published tables.

The stand-ins: a Snowflake account and an AWS account, both emulated, and the laptop's Thrift Server
for that of a cluster. Everything else is what runs there: the unload, the readiness check's stack
and code, Airflow with the DAGs, dbt with the models.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from sandbox import (
    airflow_server,
    emulated_account,
    readiness,
    snowflake_server,
    thrift_server,
)
from sandbox.airflow_server import AirflowServer, AirflowServerError
from sandbox.aws import EmulatorError
from sandbox.command import Parser, Story, add_debug, run_command
from sandbox.download import DownloadError
from sandbox.emulated_account import (
    BUCKET,
    LAKE_URI,
    LANDING_PREFIX,
    LANDING_URI,
    RECIPIENT,
    SENDER,
    EmulatedAccount,
)
from sandbox.readiness import Check
from sandbox.snowflake_source import SnowflakeSource, StepError
from shelfweek.domain import domain
from shelfweek.make_command import DEFAULT_DOMAIN
from shelfweek.report import print_report, read_report

DAG_ID = f"nightly_{DEFAULT_DOMAIN}"
MAX_FILE_BYTES = 16 << 20
NIGHT_SECONDS = 1200.0


class NightPlayError(RuntimeError):
    """The night did not come to its end; the text says where."""


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
        domain(DEFAULT_DOMAIN),
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
        NightPlayError, StepError, AirflowServerError, EmulatorError, ThriftServerError,
        DownloadError: where it stopped.
    """
    story = Story(console)
    with (
        tempfile.TemporaryDirectory(prefix="shelfweek-night-") as folder,
        contextlib.ExitStack() as on,
    ):
        work = Path(folder)
        account = on.enter_context(emulated_account.running(work / "server"))
        story.tell(f"emulated AWS account and Spark Thrift Server are up ({account.aws.endpoint})")
        load_date = _dump(story, account)
        airflow = on.enter_context(airflow_for(account, work / "airflow"))
        story.tell(f"Airflow is healthy: {airflow.url}")
        check = deploy_check(account, airflow)
        story.tell("the readiness check is deployed")
        answer = check.invoke({"load_date": str(load_date)})["Payload"]
        if answer.get("status") != "started":
            raise NightPlayError(f"the readiness check started no run: {answer}")
        story.tell(f"the readiness check found the dump whole and started {answer['run_id']}")
        _follow(story, airflow, account, answer["run_id"])
        again = check.invoke({"load_date": str(load_date)})["Payload"]
        story.tell(f"a second check starts nothing: {again['status']}")
        engine = account.engine
        runs = engine.query(f"select distinct run_id from {engine.marts(DEFAULT_DOMAIN, 'runs')}")  # noqa: S608
        report = read_report(engine, domain(DEFAULT_DOMAIN), [runs[0]["run_id"]], [load_date])
        print_report(console, report, [])
        story.tell(f"the lake lies in {LAKE_URI}; stopping")
    story.tell("everything is stopped")


def _dump(story: Story, account: EmulatedAccount) -> date:
    """Let Snowflake load its raw tables and dump the night; the date of the dump.

    Raises:
        StepError: it does not.
    """
    with snowflake_server.running(account.aws) as snowflake:
        source = SnowflakeSource(story, account.aws, snowflake, f"{LANDING_URI}/", MAX_FILE_BYTES)
        source.deploy()
        source.make_raw_data()
        source.load()
        source.dump()
        story.tell(f"the dump of {source.load_date} lies in {LANDING_URI}")
        return source.load_date


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


def main(arguments: list[str] | None = None) -> int:
    """Play the night and return the exit code."""
    parser = Parser(prog="python -m sandbox.night", description=__doc__)
    add_debug(parser)
    is_debug = parser.parse_args(arguments).debug
    errors = (
        NightPlayError,
        StepError,
        AirflowServerError,
        EmulatorError,
        thrift_server.ThriftServerError,
        DownloadError,
    )
    return run_command(play, errors, "Nothing runs any more.", is_debug=is_debug)


if __name__ == "__main__":
    sys.exit(main())
