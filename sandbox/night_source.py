"""The story of a night before Airflow, on this machine: `make night-source`.

Emulated AWS, a stand-in Snowflake account and a stand-in for Airflow's REST API come up; both
accounts are deployed to. At 2:00 EST Snowflake's task dumps the night to the landing. One file gets
lost, so the check at 3:00 sends a mail; by 3:30 it is there again, and the check starts the run.
Only the clock is not waited for: each step runs as soon as the one before has ended.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox import airflow_api, aws, readiness, snowflake_server
from sandbox.airflow_api import AirflowApi
from sandbox.aws import Aws, EmulatorError
from sandbox.command import Parser, Story, add_debug, run_command
from sandbox.snowflake_source import SnowflakeSource, StepError
from shelfweek.domain import domain
from shelfweek.make_command import DEFAULT_DOMAIN

LANDING = "s3://shelfweek-landing/dumps/"
# So small that the large tables come in parts.
MAX_FILE_BYTES = 300_000
SENDER = "night@shop.example"
RECIPIENT = "data@shop.example"
DAG_ID = f"nightly_{DEFAULT_DOMAIN}"
STACK = "shelfweek-readiness"


@dataclass(frozen=True)
class Night:
    """What the steps share: the emulated accounts, the load date, and where the story is told."""

    story: Story
    aws: Aws
    source: SnowflakeSource
    airflow: AirflowApi
    load_date: date

    @property
    def lost_file(self) -> tuple[str, str]:
        """Bucket and key of the file that is late."""
        address = urlsplit(LANDING)
        folder = f"{address.path.lstrip('/')}store/load_date={self.load_date}"
        return address.netloc, f"{folder}/store_{self.load_date:%Y%m%d}_1_0_0_0.csv"


def deploy_account(night: Night) -> None:
    """Roles, warehouse, tables, stages, procedure and task."""
    night.source.deploy()


def load_raw_tables(night: Night) -> None:
    """The transactional tables, from the source's bucket."""
    night.aws.client("s3").create_bucket(Bucket=urlsplit(LANDING).netloc)
    night.source.make_raw_data()
    night.source.load()


def dump(night: Night) -> None:
    """What Snowflake's own clock starts at 7:00 UTC."""
    night.source.dump()


def list_landing(night: Night) -> None:
    """Every object of the night, with its size."""
    address = urlsplit(LANDING)
    pages = (
        night.aws.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=address.netloc, Prefix=address.path.lstrip("/"))
    )
    table = Table(title=LANDING, title_justify="left", box=None, padding=(0, 2))
    table.add_column("object")
    table.add_column("bytes", justify="right")
    table.add_column("written (UTC)", justify="right")
    objects = [item for page in pages for item in page.get("Contents", [])]
    # The manifest was written last.
    for item in sorted(objects, key=lambda item: (item["LastModified"], item["Key"])):
        name = item["Key"].removeprefix(address.path.lstrip("/"))
        table.add_row(name, f"{item['Size']:,}", f"{item['LastModified']:%H:%M:%S}")
    night.story.console.print(table)


def deploy_check(night: Night) -> None:
    """The readiness check as its template deploys it, its mail addresses and its login."""
    for identity in (SENDER, RECIPIENT):
        night.aws.client("sesv2").create_email_identity(EmailIdentity=identity)
    address = urlsplit(LANDING)
    readiness.deploy(
        night.aws,
        domain(DEFAULT_DOMAIN),
        STACK,
        {
            "LandingBucket": address.netloc,
            "LandingPrefix": address.path.strip("/"),
            "AirflowSecretArn": readiness.put_login(night.aws, night.airflow, "shelfweek/airflow"),
            "SenderIdentity": SENDER,
            "MailFrom": SENDER,
            "MailTo": RECIPIENT,
            "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
        },
    )
    night.story.tell(f"stack {STACK}: a function, two schedules, a queue, alarms")


def lose_file(night: Night) -> None:
    """Something goes wrong between Snowflake and the landing."""
    bucket, key = night.lost_file
    s3 = night.aws.client("s3")
    s3.copy_object(Bucket=bucket, Key="lost", CopySource={"Bucket": bucket, "Key": key})
    s3.delete_object(Bucket=bucket, Key=key)
    night.story.tell(f"{key} gets lost")


def find_file(night: Night) -> None:
    """The late file comes."""
    bucket, key = night.lost_file
    s3 = night.aws.client("s3")
    s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "lost"})
    night.story.tell(f"{key} is there again")


def check_once(night: Night) -> None:
    """What the first schedule invokes."""
    _check(night, 1)


def check_again(night: Night) -> None:
    """What the second schedule invokes."""
    _check(night, 2)


def _check(night: Night, number: int) -> None:
    before = len(night.aws.mails())
    answer = readiness.find(night.aws, STACK).invoke(
        {"load_date": str(night.load_date), "check": number}
    )["Payload"]
    amiss = [f"{table} {state}" for table, state in answer["tables"].items() if state != "ready"]
    night.story.tell(
        f"check {number}: {answer['status']}; {', '.join(amiss) or 'all tables ready'}"
    )
    for mail in night.aws.mails()[before:]:
        night.story.console.print(Text(f"\n{mail.text}", style="dim"))


def show_run(night: Night) -> None:
    """What Airflow was asked for."""
    for (dag_id, run_id), run in night.airflow.runs.items():
        files = sum(len(uris) for uris in run["conf"]["files"].values())
        night.story.tell(f"Airflow has run {run_id} of {dag_id}: {files} files of five tables")


Step = Callable[[Night], None]

CHAPTERS: tuple[tuple[str, tuple[Step, ...]], ...] = (
    ("Once: the accounts", (deploy_account, deploy_check)),
    ("The day before: the raw data", (load_raw_tables,)),
    ("2:00 EST: Snowflake dumps the night", (dump, list_landing, lose_file)),
    ("3:00 EST: first check", (check_once,)),
    ("3:30 EST: second check", (find_file, check_again, show_run)),
)


def play(console: Console) -> None:
    """Start the emulators and run all chapters.

    Raises:
        EmulatorError: an emulator is not installed or does not start.
        StepError: a step failed.
    """
    story = Story(console)
    with contextlib.ExitStack() as stack:
        emulated = stack.enter_context(aws.running(readiness.SERVICES))
        account = stack.enter_context(snowflake_server.running(emulated))
        password = secrets.token_urlsafe(16)
        airflow = stack.enter_context(airflow_api.running({DAG_ID}, "readiness", password))
        source = SnowflakeSource(story, emulated, account, LANDING, MAX_FILE_BYTES)
        night = Night(story, emulated, source, airflow, source.load_date)
        console.print(Text(f"Night {night.load_date}", style="bold"))
        story.tell(f"emulated AWS at {emulated.endpoint}, Snowflake stand-in at {account.url}")
        for title, steps in CHAPTERS:
            console.print(Text(f"\n{title}", style="bold"))
            for step in steps:
                step(night)
    console.print()
    console.print(f"Done in {story.seconds:.1f} s; nothing is left running.")


def main(arguments: list[str] | None = None) -> int:
    """Tell the story and return the exit code."""
    parser = Parser(prog="python -m sandbox.night_source", description=__doc__)
    add_debug(parser)
    is_debug = parser.parse_args(arguments).debug
    errors = (EmulatorError, StepError)
    return run_command(play, errors, "Nothing is left running.", is_debug=is_debug)


if __name__ == "__main__":
    sys.exit(main())
