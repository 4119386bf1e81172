"""A Snowflake account for tests: the stand-in, seen through deploy.py and through its landing."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

from reference.contract import TABLES

from sandbox.aws import EMULATORS, Aws
from sandbox.snowflake_server import SnowflakeServer
from snowflake import deploy
from snowflake.settings import CONNECTION, read_settings

BUCKET = "shelfweek"
LOAD_DATE = date(2026, 1, 14)
MISSING = not (EMULATORS / "python").exists()
REASON = "the emulators are not installed: make test does it"


@dataclass(frozen=True)
class Outcome:
    """What a command of deploy.py came to."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Account:
    """A database of its own in the stand-in account, with a landing and a source of its own."""

    server: SnowflakeServer
    aws: Aws
    database: str
    changes: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """All settings of deploy.py."""
        arn = "arn:aws:iam::123456789012:role"
        return {
            **self.server.connection,
            "SNOWFLAKE_DATABASE": self.database,
            "SNOWFLAKE_LANDING_URL": f"s3://{BUCKET}/{self.database}/landing/",
            "SNOWFLAKE_LANDING_ROLE_ARN": f"{arn}/landing",
            "SNOWFLAKE_SOURCE_URL": f"s3://{BUCKET}/{self.database}/source/",
            "SNOWFLAKE_SOURCE_ROLE_ARN": f"{arn}/source",
            "SNOWFLAKE_ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
            "SNOWFLAKE_ALERT_ROLE_ARN": f"{arn}/alerts",
            **self.changes,
        }

    def with_settings(self, **changes: str) -> Account:
        """The same account with other settings; an empty one counts as not set."""
        return replace(self, changes={**self.changes, **changes})

    def deploy(self, *arguments: str) -> Outcome:
        """Run deploy.py with these settings and no others."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SNOWFLAKE_")}
        output, errors = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, {**kept, **self.environment}, clear=True),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            code = deploy.main(arguments)
        return Outcome(code, output.getvalue(), errors.getvalue())

    def unload(self, load_date: date = LOAD_DATE, *arguments: str) -> Outcome:
        """Dump a night."""
        return self.deploy("unload", "--load-date", load_date.isoformat(), *arguments)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in the schema of the raw tables, and return the rows of the last."""
        settings = read_settings(CONNECTION, self.environment)
        with deploy.connected(settings) as connection, connection.cursor() as cursor:
            cursor.execute(f"use schema {self.database}.raw")
            for statement in statements:
                cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    def fill(self, **tables: Iterable[Sequence[Any]]) -> None:
        """Replace the rows of raw tables; values beyond the last one given are null."""
        statements = []
        for table, rows in tables.items():
            statements.append(f"delete from {table}")
            width = len(TABLES[table].columns)
            values = [
                "(" + ", ".join(literal(v) for v in [*row, *[None] * (width - len(row))]) + ")"
                for row in rows
            ]
            if values:
                statements.append(f"insert into {table} values {', '.join(values)}")
        self.sql(*statements)

    def landing(self) -> dict[str, bytes]:
        """Every object of the landing by its path."""
        s3 = self.aws.client("s3")
        prefix = self.environment["SNOWFLAKE_LANDING_URL"].removeprefix(f"s3://{BUCKET}/")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {
            item["Key"].removeprefix(prefix): s3.get_object(Bucket=BUCKET, Key=item["Key"])[
                "Body"
            ].read()
            for page in pages
            for item in page.get("Contents", [])
        }

    def manifest(self, load_date: date = LOAD_DATE) -> dict[str, Any] | None:
        """The manifest of a night, if there is one."""
        text = self.landing().get(
            f"manifest/load_date={load_date}/manifest_{load_date:%Y%m%d}.json"
        )
        return None if text is None else json.loads(text)

    def download(self, folder: Path) -> Path:
        """Copy the landing to a folder."""
        for path, content in self.landing().items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    def upload(self, source: Path) -> None:
        """Copy a folder `<table>/...` to the source bucket."""
        s3 = self.aws.client("s3")
        prefix = self.environment["SNOWFLAKE_SOURCE_URL"].removeprefix(f"s3://{BUCKET}/")
        for path in source.rglob("*.csv"):
            s3.upload_file(str(path), BUCKET, f"{prefix}{path.relative_to(source)}")


def literal(value: Any) -> str:
    """A value as Snowflake's SQL writes it."""
    if value is None:
        return "null"
    if isinstance(value, (str, date)):
        text = str(value).replace("\\", "\\\\").replace("'", "''")
        return f"'{text}'"
    return str(value)
