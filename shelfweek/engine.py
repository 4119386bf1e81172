"""Plain SQL against the Spark Thrift Server that dbt talks to."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pyhive import exc, hive
from thrift.transport.TTransport import TTransportException

from shelfweek.project import PROJECT
from shelfweek.reason import reason_of_server

Row = dict[str, Any]

PROBE_INTERVAL = 2.0
"""Seconds between two tries to reach a server that is starting."""


class EngineError(Exception):
    """The server does not answer or refuses a statement."""


def prefix_of_schemas() -> str:
    """What the environment wants the names of all schemas to begin with.

    Raises:
        EngineError: it is a domain's name, which was right in an earlier release.
    """
    prefix = os.environ.get("SHELFWEEK_SCHEMA", "")
    if prefix and "/" not in prefix and (PROJECT / "models" / "staging" / prefix).is_dir():
        raise EngineError(
            f"SHELFWEEK_SCHEMA {prefix!r} is a domain, and would stand before it, as in "
            f"{prefix}{prefix}_marts: unset it"
        )
    return prefix


@dataclass(frozen=True)
class Engine:
    """Address of the Thrift Server, and what the names of all schemas begin with."""

    host: str = "127.0.0.1"
    port: int = 10001
    prefix: str = ""

    def __post_init__(self) -> None:
        """Raises EngineError: the prefix is no plain name, and would be SQL in every statement."""
        if not re.fullmatch(r"([a-z][a-z0-9_]*)?", self.prefix):
            raise EngineError(
                f"SHELFWEEK_SCHEMA {self.prefix!r} is no beginning of a schema's name: small "
                "letters, digits and _, a letter first"
            )

    @classmethod
    def from_environment(cls) -> Engine:
        """Read the address from the variables that profiles/profiles.yml reads.

        Raises:
            EngineError: one of them cannot be used.
        """
        port = os.environ.get("SHELFWEEK_THRIFT_PORT") or str(cls.port)
        if not (port.isascii() and port.isdecimal()):
            raise EngineError(f"SHELFWEEK_THRIFT_PORT {port!r} is no number")
        return cls(
            os.environ.get("SHELFWEEK_THRIFT_HOST") or cls.host, int(port), prefix_of_schemas()
        )

    def schema(self, domain: str, layer: str) -> str:
        """Return the schema of a domain's layer, as macros/lake.sql names it."""
        return f"{self.prefix}{domain}_{layer}"

    def marts(self, domain: str, table: str) -> str:
        """Return the full name of a published table."""
        return f"{self.schema(domain, 'marts')}.{table}"

    def wait_until_ready(
        self, seconds: float, meanwhile: Callable[[], object] = lambda: None
    ) -> None:
        """Return once the server answers a query: its port opens before it can.

        meanwhile: called between two tries; what it raises ends the waiting.

        Raises:
            EngineError: there is no answer within that many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.query("select 1 as answer")
                return
            except EngineError:
                if time.monotonic() > deadline:
                    raise
                meanwhile()
                time.sleep(PROBE_INTERVAL)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session for several statements.

        Raises:
            EngineError: no server answers.
        """
        try:
            connection = hive.connect(self.host, port=self.port, username="shelfweek")
        except TTransportException as error:
            raise EngineError(f"no Thrift Server answers on {self.host}:{self.port}") from error
        with contextlib.closing(connection):
            yield Session(connection)

    def query(self, sql: str) -> list[Row]:
        """Run one statement in a session of its own; see Session.query."""
        with self.session() as session:
            return session.query(sql)


@dataclass(frozen=True)
class Session:
    """One session on the server."""

    connection: hive.Connection

    def query(self, sql: str) -> list[Row]:
        """Run a statement that has a result; one mapping of column to value per row.

        Raises:
            EngineError: the server refuses the statement; the message is its reason.
        """
        with contextlib.closing(self._run(sql)) as cursor:
            names = [column[0].split(".")[-1] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, sql: str) -> None:
        """Run a statement without a result. Raises as query does."""
        self._run(sql).close()

    def _run(self, sql: str) -> hive.Cursor:
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
        except exc.OperationalError as error:
            raise EngineError(reason_of_server(error)) from error
        except TTransportException as error:
            raise EngineError("the Thrift Server does not answer any more") from error
        return cursor
