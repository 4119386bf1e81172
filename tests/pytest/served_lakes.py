"""A lake on emulated S3 that Spark wrote, in emulated Glue, and Athena's API over it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from domains import RETAIL

from sandbox import athena, aws, glue_catalog, s3a, thrift_server
from sandbox.airflow_server import program
from sandbox.athena import Athena
from sandbox.aws import Aws
from sandbox.dashboard.views import VIEW_NAMES, rendered
from sandbox.sample.__main__ import main as make_sample
from shelfweek.engine import Engine
from shelfweek.lake import export
from shelfweek.landing import Landing
from shelfweek.night import DbtProject, run_nights
from shelfweek.project import PROJECT

LAKE_BUCKET, SERVING_BUCKET = "lake", "serving"
WORK_GROUP = "shelfweek"

SETTINGS = {
    "AWS_REGION": aws.REGION,
    "SHELFWEEK_LAKE": f"s3://{LAKE_BUCKET}/lake",
    "SHELFWEEK_ATHENA_WORK_GROUP": WORK_GROUP,
    "SHELFWEEK_ATHENA_STAGING_DIR": f"s3://{SERVING_BUCKET}/results/",
    "SHELFWEEK_ATHENA_DATA_DIR": f"s3://{SERVING_BUCKET}/tables/",
}
"""What target athena needs in its environment."""


@dataclass
class ServedLake:
    """The lake as Athena shows it, and its published tables as plain parquet.

    Attributes:
        exported: a folder with one folder of parquet files for each table, written by Spark.
    """

    athena: Athena
    exported: Path
    work: Path

    def client(self, service: str) -> Any:
        """A boto3 client of the account, with this Athena."""
        own = service in ("athena", "glue")
        endpoint = self.athena.endpoint if own else self.athena.account.endpoint
        return aws.client(endpoint, service)

    def as_spark_wrote_it(self) -> duckdb.DuckDBPyConnection:
        """The exported tables, and the views over them, in a DuckDB in memory."""
        connection = duckdb.connect()
        for table in RETAIL.published_tables:
            files = self.exported / table / "*.parquet"
            connection.execute(f"create view {table} as select * from '{files}'")
        for name in VIEW_NAMES:
            connection.execute(f"create view {name} as {rendered(name)}")
        return connection

    def wait_for(self, query: str) -> dict[str, Any]:
        """The execution of a query once it has ended."""
        athena = self.client("athena")
        while True:
            execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query)
            described: dict[str, Any] = execution["QueryExecution"]
            if described["Status"]["State"] not in ("QUEUED", "RUNNING"):
                assert described["Status"]["State"] == "SUCCEEDED", described["Status"]
                return described
            time.sleep(0.2)

    def dbt(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run dbt on target athena; more: variables that win over the settings."""
        return run_dbt({**self.athena.environment, **SETTINGS, **more}, self.work, *arguments)


def run_dbt(
    variables: dict[str, str], work: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt on target athena, as a process of its own."""
    foreign = ("AWS_", "SHELFWEEK_", "DBT_")
    ours = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    return subprocess.run(  # noqa: S603
        [
            *(program("dbt"), "--no-use-colors", "--log-path", str(work / "logs"), *arguments),
            *("--target", "athena", "--target-path", str(work / "target")),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT / "profiles")),
        ],
        env={**ours, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def create_buckets_and_work_group(account: Aws) -> None:
    """What an account holds before anything is served."""
    for bucket in (LAKE_BUCKET, SERVING_BUCKET):
        account.client("s3").create_bucket(Bucket=bucket)
    account.client("athena").create_work_group(Name=WORK_GROUP)


@contextlib.contextmanager
def served_lake(folder: Path) -> Iterator[ServedLake]:
    """A night of a small sample, loaded by Spark, then shown by Athena."""
    landing = folder / "landing"
    make_sample(
        ["--to", str(landing), "--nights", "1", "--days", "40", "--stores", "3", "--products", "20"]
    )
    with aws.running(athena.SERVICES) as account, pytest.MonkeyPatch.context() as patch:
        for name, text in account.environment.items():
            patch.setenv(name, text)
        create_buckets_and_work_group(account)
        _load(account, landing, folder)
        (folder / "trino").mkdir()
        with athena.running(account, folder / "trino") as api:
            yield ServedLake(api, folder / "exported", folder / "dbt")


def _load(account: Aws, landing_folder: Path, folder: Path) -> None:
    landing = Landing.scan(str(landing_folder), RETAIL)
    with thrift_server.running(
        folder / "spark", jars=s3a.fetch_jars(), settings=s3a.settings_for(account)
    ) as server:
        engine = Engine(port=server.port)
        project = DbtProject(engine, folder / "spark" / "dbt")
        (day,) = landing.nights
        run_nights([landing.open_night(day)], landing, project, SETTINGS["SHELFWEEK_LAKE"])
        glue_catalog.register(engine, RETAIL, account.client("glue"))
        (folder / "exported").mkdir()
        export(engine, RETAIL, f"file:{folder / 'exported'}")
