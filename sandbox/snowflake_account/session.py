"""A session: fakesnow's connection, and what the stand-in keeps beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Session:
    """One session of a client, or of a procedure. role: in upper case."""

    connection: Any
    role: str = "PUBLIC"

    @property
    def database(self) -> str | None:
        """The current database, in upper case."""
        name: str | None = self.connection.database
        return name

    @property
    def schema(self) -> str | None:
        """The current schema, in upper case."""
        name: str | None = self.connection.schema
        return name

    @property
    def duck(self) -> Any:
        """The DuckDB connection below, in the session's own transaction."""
        return self.connection._duck_conn

    def cursor(self) -> Any:
        """A new cursor that speaks Snowflake's SQL."""
        return self.connection.cursor()
