"""The night's source on this machine: a Snowflake account with raw data that dumps a night.

The account is the stand-in; it is deployed to with deploy.py, as a real one is.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

from rich.text import Text

from sandbox.aws import Aws
from sandbox.command import Story
from sandbox.sample.__main__ import main as write_sample
from sandbox.snowflake_server import SnowflakeServer
from shelfweek.project import PROJECT
from snowflake import deploy
from snowflake.settings import CONNECTION, PARAMETERS, read_settings

EST = timezone(timedelta(hours=-5))
SOURCE = "s3://shelfweek-source/raw/"
DEPLOY = PROJECT / "snowflake" / "deploy.py"


class StepError(Exception):
    """A step of the night failed; the text says which."""


@dataclass(frozen=True)
class SnowflakeSource:
    """The account, and where it dumps to.

    Attributes:
        story: where it tells what happens; deploy.py's own lines go to its console.
        landing_url: s3://<bucket>/<prefix>/ of the landing.
        max_file_bytes: size from which on a table comes in parts.
    """

    story: Story
    aws: Aws
    account: SnowflakeServer
    landing_url: str
    max_file_bytes: int

    @property
    def environment(self) -> dict[str, str]:
        """The settings of deploy.py."""
        arn = "arn:aws:iam::123456789012:role"
        return {
            **self.account.connection,
            "SNOWFLAKE_LANDING_URL": self.landing_url,
            "SNOWFLAKE_LANDING_ROLE_ARN": f"{arn}/shelfweek-landing",
            "SNOWFLAKE_SOURCE_URL": SOURCE,
            "SNOWFLAKE_SOURCE_ROLE_ARN": f"{arn}/shelfweek-source",
            "SNOWFLAKE_ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:shelfweek-alerts",
            "SNOWFLAKE_ALERT_ROLE_ARN": f"{arn}/shelfweek-alerts",
            "SNOWFLAKE_MAX_FILE_BYTES": str(self.max_file_bytes),
        }

    def deploy(self) -> None:
        """Roles, warehouse, tables, stages, procedure and task.

        Raises:
            StepError: deploy.py failed.
        """
        self._deploy("deploy")

    def make_raw_data(self) -> None:
        """Put a sample that ends today into the source's bucket, one folder a table."""
        s3 = self.aws.client("s3")
        address = urlsplit(SOURCE)
        s3.create_bucket(Bucket=address.netloc)
        with tempfile.TemporaryDirectory(prefix="shelfweek-raw-") as folder:
            end = str(self.load_date)
            with contextlib.redirect_stdout(io.StringIO()):
                write_sample(["--to", folder, "--clean", "--nights", "1", "--end", end])
            files = sorted(Path(folder).rglob("*.csv"))
            for path in files:
                table = path.relative_to(folder).parts[0]
                key = f"{address.path.lstrip('/')}{table}/{path.name}"
                s3.upload_file(str(path), address.netloc, key)
        self.story.tell(f"{len(files)} files lie in {SOURCE}")

    def load(self) -> None:
        """Load the raw tables from the source's bucket.

        Raises:
            StepError: deploy.py failed.
        """
        self._deploy("load")

    def dump(self) -> None:
        """Run what Snowflake's own clock starts at 7:00 UTC.

        Raises:
            StepError: deploy.py failed.
        """
        self.story.tell("execute task unload_night")
        settings = read_settings([*CONNECTION, *PARAMETERS], self.environment)
        task = f"{settings['database']}.ops.unload_night"
        with deploy.connected(settings) as connection:
            deploy.run(connection, f"execute task {task}", "the task")
        self._deploy("status")

    @property
    def load_date(self) -> date:
        """The date of a dump that is made now."""
        return datetime.now(EST).date()

    def _deploy(self, action: str) -> None:
        """Run deploy.py as its users do, and show what it says."""
        self.story.tell(f"python snowflake/deploy.py {action}")
        result = subprocess.run(  # noqa: S603
            [sys.executable, DEPLOY, action],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        for line in result.stdout.splitlines():
            self.story.console.print(Text(f"            {line.strip()}", style="dim"))
        if result.returncode != 0:
            raise StepError(f"deploy.py {action} failed")
