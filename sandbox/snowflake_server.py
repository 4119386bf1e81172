"""Start, probe and stop the stand-in for a Snowflake account (`sandbox/snowflake_account`).

It runs in the emulators' own environment, keeps everything in memory, listens on the loopback
address only, and ends with the block that started it, also if that is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sandbox.aws import EMULATORS, Aws, EmulatorError
from sandbox.processes import HOST, STOP_TIMEOUT, comes_up, free_port, last_lines
from shelfweek.project import PROJECT

START_TIMEOUT = 60.0
ACCOUNT = "sandbox"
USER = "shelfweek_service"


@dataclass(frozen=True)
class Fault:
    """An error for every statement of a form (a regular expression at its begin)."""

    form: str
    code: int
    state: str
    text: str


@dataclass(frozen=True)
class SnowflakeServer:
    """A stand-in account, and the files of the key pair that opens it."""

    url: str
    private_key: Path

    @property
    def connection(self) -> dict[str, str]:
        """What deploy.py needs in its environment to log in."""
        return {
            "SNOWFLAKE_URL": self.url,
            "SNOWFLAKE_ACCOUNT": ACCOUNT,
            "SNOWFLAKE_USER": USER,
            "SNOWFLAKE_PRIVATE_KEY_FILE": str(self.private_key),
        }

    def ledger(self) -> dict[str, Any]:
        """Statements about rights and integrations, and who was told of failed tasks."""
        with urllib.request.urlopen(f"{self.url}/stand-in/ledger") as answer:  # noqa: S310
            content: dict[str, Any] = json.load(answer)
            return content

    def set_faults(self, faults: Sequence[Fault]) -> None:
        """Let statements fail from now on; an empty list ends that."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/stand-in/faults",
            data=json.dumps([fault.__dict__ for fault in faults]).encode(),
            method="PUT",
        )
        urllib.request.urlopen(request).close()  # noqa: S310


@contextlib.contextmanager
def running(aws: Aws) -> Iterator[SnowflakeServer]:
    """Run an empty account for the length of a `with` block; its stages are buckets of `aws`.

    Raises:
        EmulatorError: the emulators are not installed, or the account gives no answer.
    """
    python = EMULATORS / "python"
    if not python.exists():
        raise EmulatorError(f"{python} is missing: make test and make night-source install it")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="shelfweek-snowflake-") as folder:
        private_key, public_key = write_key_pair(Path(folder))
        log = Path(folder) / "account.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                [
                    *(python, "-m", "sandbox.snowflake_account", "--port", str(port)),
                    *("--account", ACCOUNT, "--user", USER, "--public-key", public_key),
                ],
                cwd=PROJECT,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
                    **aws.environment,
                    "TMPDIR": folder,
                },
                # The account ends when this end of the pipe is closed, by us or by our end.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A terminal's Ctrl-C reaches only us, and we end it.
                start_new_session=True,
            )
        server = SnowflakeServer(f"http://{HOST}:{port}", private_key)
        try:
            if not comes_up(process, lambda: server.ledger() is not None, START_TIMEOUT):
                raise EmulatorError(f"the Snowflake stand-in gave no answer:\n{last_lines(log)}")
            yield server
        finally:
            _end(process)


def write_key_pair(folder: Path, passphrase: str | None = None) -> tuple[Path, Path]:
    """Write a new key pair as PEM, and return the paths of its private and its public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase.encode())
    private_key, public_key = folder / "rsa_key.p8", folder / "rsa_key.pub"
    private_key.touch(mode=0o600)
    private_key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    public_key.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private_key, public_key


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
