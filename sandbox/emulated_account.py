"""A night's account, emulated: bucket, mail identities, EMR, and a Thrift Server for its clusters.

The emulator's EMR is a sequence of calls: its clusters are WAITING and its steps COMPLETED at once,
and they have no Spark. The laptop's Thrift Server stands in for theirs; it reads and writes the
account's S3.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import aws, faulty_aws, readiness, s3a, thrift_server
from sandbox.aws import Aws
from sandbox.faulty_aws import FaultyAws
from sandbox.processes import HOST
from sandbox.thrift_server import ThriftServer
from shelfweek.engine import Engine

SERVICES = (*readiness.SERVICES, "elasticmapreduce")
BUCKET = "lake"
LANDING_PREFIX = "landing"
LANDING_URI = f"s3://{BUCKET}/{LANDING_PREFIX}"
LAKE_URI = f"s3://{BUCKET}/lake"
SENDER, RECIPIENT = "night@shop.example", "data@shop.example"

# Nothing of it exists: the emulator takes every name.
AIRFLOW_SETTINGS = {
    "SHELFWEEK_LAKE": LAKE_URI,
    "SHELFWEEK_LANDINGS": LANDING_URI,
    "SHELFWEEK_MAIL_FROM": SENDER,
    "SHELFWEEK_MAIL_TO": RECIPIENT,
    "SHELFWEEK_EMR_LOG_URI": f"s3://{BUCKET}/logs/",
    "SHELFWEEK_EMR_SERVICE_ROLE": "shelfweek-emr",
    "SHELFWEEK_EMR_INSTANCE_PROFILE": "shelfweek-emr-node",
    "SHELFWEEK_EMR_INSTANCE_TYPES": "m7g.xlarge,r7g.xlarge,r7g.2xlarge",
    "SHELFWEEK_EMR_MOST_NODES": "10",
    "SHELFWEEK_EMR_SUBNET": "subnet-0",
    "SHELFWEEK_EMR_PRIMARY_SECURITY_GROUP": "sg-0",
    "SHELFWEEK_EMR_CORE_SECURITY_GROUP": "sg-1",
    "SHELFWEEK_EMR_SERVICE_SECURITY_GROUP": "sg-2",
    "SHELFWEEK_EMR_SECURITY_CONFIGURATION": "shelfweek",
}


@dataclass
class EmulatedAccount:
    """The account and the server that stands in for its clusters' own.

    Attributes:
        faulty: what Airflow and Spark take for the account, if it shall give wrong answers.
    """

    aws: Aws
    faulty: FaultyAws | None
    thrift: ThriftServer

    @property
    def engine(self) -> Engine:
        """The server, as the night's tasks see it."""
        return Engine(HOST, self.thrift.port)

    @property
    def thrift_address(self) -> dict[str, str]:
        """The variables that name the server."""
        return {
            "SHELFWEEK_THRIFT_HOST": HOST,
            "SHELFWEEK_THRIFT_PORT": str(self.thrift.port),
        }

    @property
    def variables(self) -> dict[str, str]:
        """What Airflow needs in its environment to run a night here."""
        return {
            **_as_seen(self.aws, self.faulty).environment,
            **AIRFLOW_SETTINGS,
            **self.thrift_address,
        }

    def kill_thrift_server(self) -> None:
        """Kill the server as `kill -9` does."""
        os.kill(self.thrift.pid, signal.SIGKILL)

    def restart_thrift_server(self) -> None:
        """Start the server again where it was, as a new cluster would."""
        self.thrift.stop()
        self.thrift = _start_thrift_server(
            self.thrift.lake, _as_seen(self.aws, self.faulty), self.thrift.port
        )

    def clusters_alive(self) -> list[str]:
        """Ids of the clusters that still cost money."""
        states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
        found = self.aws.client("emr").list_clusters(ClusterStates=states)["Clusters"]
        return [cluster["Id"] for cluster in found]


@contextlib.contextmanager
def running(folder: Path, *, with_faults: bool = False) -> Iterator[EmulatedAccount]:
    """Run an empty account for the length of a `with` block; the server's files go to the folder.

    with_faults: let Airflow and Spark reach it through a proxy that can give wrong answers.

    Raises:
        EmulatorError, ThriftServerError, DownloadError: a part of it does not come up.
    """
    with contextlib.ExitStack() as stack:
        account = stack.enter_context(aws.running(SERVICES))
        account.client("s3").create_bucket(Bucket=BUCKET)
        for identity in (SENDER, RECIPIENT):
            account.client("sesv2").create_email_identity(EmailIdentity=identity)
        faulty = stack.enter_context(faulty_aws.running(account.endpoint)) if with_faults else None
        thrift = _start_thrift_server(folder, _as_seen(account, faulty))
        emulated = EmulatedAccount(account, faulty, thrift)
        stack.callback(lambda: emulated.thrift.stop())
        yield emulated


def _as_seen(account: Aws, faulty: FaultyAws | None) -> Aws:
    """The account as Airflow and Spark reach it."""
    return account if faulty is None else Aws(faulty.endpoint)


def _start_thrift_server(folder: Path, account: Aws, port: int | None = None) -> ThriftServer:
    return thrift_server.start(
        folder, port=port, jars=s3a.fetch_jars(), settings=s3a.settings_for(account)
    )


def upload(s3: Any, landing: Path) -> None:
    """Put all files of a local landing into the bucket, the manifests last."""
    files = [path for path in landing.rglob("*") if path.is_file()]
    for is_manifest in (False, True):
        chosen = [path for path in files if (path.suffix == ".json") == is_manifest]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda path: _put(s3, landing, path), chosen))


def _put(s3: Any, landing: Path, path: Path) -> None:
    key = f"{LANDING_PREFIX}/{path.relative_to(landing).as_posix()}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
