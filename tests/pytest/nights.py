"""A tiny dump of one night in a local folder, to be spoiled by tests, and its way into a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from domains import RETAIL

from sandbox.airflow_api import AirflowApi
from sandbox.aws import Mail
from sandbox.sample.landing import FileEntry, manifest_path, night_folder, write_manifest

BUCKET = "lake"
PREFIX = "landing"
DAG_ID = "nightly_retail"
SENDER, RECIPIENT, OTHER_RECIPIENT = "night@shop.example", "data@shop.example", "lead@shop.example"
# Wherever one of these appears outside of the login itself, a secret has leaked.
CANARIES = ("canary-username-4711", "canary-password-0815")


@dataclass
class Outcome:
    """What a check gave back: its answer or its error, and its log.

    The log is empty for the deployed function: the emulator may miss lines of it.
    """

    answer: dict[str, Any]
    error: str = ""
    log: Sequence[dict[str, Any]] = ()

    @property
    def status(self) -> str | None:
        """The answer's status."""
        return self.answer.get("status")

    @property
    def events(self) -> list[str]:
        """The log's events."""
        return [line["event"] for line in self.log]


# Check the test's night; keyword arguments are more keys of the event.
Invoke = Callable[..., Outcome]
# The mails about the test's night.
Mails = Callable[[], list[Mail]]
# Write and upload the test's night.
Put = Callable[[], None]


class NightDump:
    """A whole night: two rows per table. Attributes may be changed before `write`.

    Attributes:
        contents: table and file name to content.
        entries: what the manifest will say of each file.
    """

    def __init__(self, folder: Path, load_date: date) -> None:
        self.folder = folder
        self.load_date = load_date
        self.contents: dict[tuple[str, str], bytes] = {}
        self.entries: list[FileEntry] = []
        for table in RETAIL.raw_tables:
            self.add(table, self.name(table))

    def name(self, table: str, part: str = "", day: date | None = None) -> str:
        """The name of a file of tonight, or of another day."""
        return f"{table}_{day or self.load_date:%Y%m%d}{part}.csv"

    def add(self, table: str, name: str, rows: int = 2) -> None:
        """Add a file and its entry."""
        content = self.content(table, rows)
        self.contents[table, name] = content
        self.entries.append(FileEntry(table, name, len(content), rows))

    def content(self, table: str, rows: int) -> bytes:
        """A header line and rows of empty fields."""
        columns = RETAIL.raw_tables[table].columns
        lines = [",".join(columns).upper(), *["," * (len(columns) - 1)] * rows]
        return ("\n".join(lines) + "\n").encode()

    def drop(self, table: str) -> None:
        """Take a table's files away; the manifest goes on naming them."""
        for key in [key for key in self.contents if key[0] == table]:
            del self.contents[key]

    def forget(self, table: str) -> None:
        """Take a table's entries out of the manifest; its files stay."""
        self.entries = [entry for entry in self.entries if entry.table != table]

    def write(self) -> None:
        """Write the files, and the manifest last."""
        for (table, name), content in self.contents.items():
            path = night_folder(self.folder, table, self.load_date) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        write_manifest(self.folder, self.load_date, self.entries)

    @property
    def manifest(self) -> Path:
        """Where the manifest is."""
        return manifest_path(self.folder, self.load_date)

    def read_manifest(self) -> Any:
        """The manifest's content."""
        return json.loads(self.manifest.read_text(encoding="utf-8"))

    def uris(self, table: str) -> list[str]:
        """Where the bucket has the files that the manifest names for a table."""
        folder = f"s3://{BUCKET}/{PREFIX}/{table}/load_date={self.load_date}"
        return [f"{folder}/{entry.file_name}" for entry in self.entries if entry.table == table]


def starts(airflow: AirflowApi) -> int:
    """How often Airflow was asked to start a run."""
    return sum(method == "POST" and "dagRuns" in path for method, path, _ in airflow.requests)


def leaks(texts: Iterable[object]) -> list[str]:
    """Parts of the login to Airflow that occur in the texts."""
    return [canary for canary in CANARIES if any(canary in str(text) for text in texts)]
