"""An emulator of AWS on this machine: S3, Lambda, SES, Scheduler and what else a night calls.

It runs ministack from the emulators' own environment, keeps everything in memory, listens on the
loopback address only, and ends with the block that started it, on Linux also if that is killed. Its
keys are no secret: docs/night.md says what that means on a machine with several users.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from sandbox import processes
from sandbox.processes import HOST, comes_up, free_port, last_lines
from shelfweek.project import PROJECT

REGION = "us-east-1"
EMULATORS = PROJECT / "sandbox" / "emulators" / ".venv" / "bin"
START_TIMEOUT = 60.0

_KEYS = {"AWS_ACCESS_KEY_ID": "emulated", "AWS_SECRET_ACCESS_KEY": "emulated"}


class EmulatorError(RuntimeError):
    """An emulator cannot be started; the text says why."""


@dataclass(frozen=True)
class Mail:
    """A mail that SES took."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Aws:
    """An emulated AWS account."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment so that the AWS SDKs call this account.

        The keys are placeholders: the emulator does not check them.
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            **_KEYS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this account, the same one each time: making one takes a while."""
        return client(self.endpoint, service)

    def mails(self) -> list[Mail]:
        """All mails that SES took, the oldest first."""
        url = f"{self.endpoint}/_ministack/ses/messages"
        with urllib.request.urlopen(url, timeout=START_TIMEOUT) as response:  # noqa: S310
            (messages,) = json.load(response)["messages"].values() or ([],)
        return [
            Mail(m["Source"], tuple(m["To"]), m["Subject"], m["BodyText"], m["BodyHtml"] or "")
            for m in messages
        ]


@functools.cache
def client(endpoint: str, service: str) -> Any:
    """A boto3 client that calls an emulator's address."""
    # Its types know each service by its literal name only.
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
    )


@contextlib.contextmanager
def running(services: Sequence[str], *, checks_rights: bool = False) -> Iterator[Aws]:
    """Run an empty account for the length of a `with` block.

    services: names as ministack knows them, such as `s3` and `lambda`. checks_rights: a function
    may do what the policies of its role allow and nothing else; the clients made here stay root.

    Raises:
        EmulatorError: the emulators are not installed, or the emulator gives no answer.
    """
    program = EMULATORS / "ministack"
    if not program.exists():
        raise EmulatorError(f"{program} is missing: make test and make night-source install it")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="shelfweek-aws-") as folder:
        log = Path(folder) / "emulator.log"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            "AUTH": str(checks_rights).lower(),
            # The keys of root.
            **_KEYS,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            # Both would listen on every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "SERVICES": ",".join(services),
            "LOG_LEVEL": "WARNING",
            "TMPDIR": folder,
        }
        with processes.running([program], log, cwd=Path(folder), env=environment) as process:
            if not comes_up(process, lambda: _is_healthy(port), START_TIMEOUT):
                raise EmulatorError(f"the AWS emulator gave no answer:\n{last_lines(log)}")
            yield Aws(f"http://{HOST}:{port}")


def _is_healthy(port: int) -> bool:
    urllib.request.urlopen(f"http://{HOST}:{port}/_ministack/health", timeout=2).close()
    return True
