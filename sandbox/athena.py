"""Athena's API on this machine: its queries run on a real Trino, over an emulated account.

Athena's engine is Trino, so the dialect, the views and the reading of the lake's files are the
real thing; what surrounds them (states, result files, texts of values) is rebuilt here. It takes
what the project needs of Athena, selects and views, and refuses the rest.

Glue's API is passed on to the emulator, with what Athena and Trino need of it put right. Every
other call of Athena's goes to the emulator as it is.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox import trino
from sandbox.aws import Aws
from sandbox.processes import HOST
from sandbox.trino import CATALOG, Statement, Trino

SERVICES = ("s3", "glue", "athena", "sts")
"""What the emulator has to run."""

SECONDS = 60.0
PAGE = 1000
"""Rows of a result at once, at most: Athena's own limit."""

_COMMENTS = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
_SELECT = re.compile(r"(select|with|values|table|\()\b", re.IGNORECASE)
_DDL = re.compile(
    r"create\s+(or\s+replace\s+)?view|drop\s+view|create\s+(schema|database)|show|describe|explain",
    re.IGNORECASE,
)
_VIEW_TEXT = re.compile(r"/\* Presto View: (.*) \*/")

# Trino's type: Glue's type; all others have one name in both.
_GLUE_TYPES = {"varchar": "string", "integer": "int", "real": "float"}


class RequestError(RuntimeError):
    """A request is refused; the text says why."""


@dataclass
class Query:
    """One execution of a query, from its start to its result."""

    sql: str
    database: str
    work_group: str
    folder: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "QUEUED"
    reason: str = ""
    submitted: float = field(default_factory=time.time)
    completed: float | None = None
    statement: Statement = field(default_factory=lambda: Statement([], []))

    @property
    def is_ddl(self) -> bool:
        """Whether its result is plain text without a header line."""
        return _SELECT.match(self.sql) is None

    @property
    def output(self) -> str:
        """URI of its result file."""
        return f"{self.folder.rstrip('/')}/{self.id}.{'txt' if self.is_ddl else 'csv'}"

    @property
    def lines(self) -> list[list[str | None]]:
        """The result as texts; a select's begins with the names of its columns."""
        header = [] if self.is_ddl else [[column["name"] for column in self.statement.columns]]
        return [*header, *([_text(value) for value in row] for row in self.statement.rows)]

    def describe(self) -> dict[str, Any]:
        """The execution as GetQueryExecution shows it."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.completed:
            status["CompletionDateTime"] = self.completed
        if self.reason:
            status["StateChangeReason"] = self.reason
            status["AthenaError"] = {
                **{"ErrorCategory": 2, "ErrorType": 1006, "Retryable": False},
                "ErrorMessage": self.reason,
            }
        milliseconds = int(((self.completed or time.time()) - self.submitted) * 1000)
        return {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "StatementType": "DDL" if self.is_ddl else "DML",
            "QueryExecutionContext": {"Database": self.database, "Catalog": CATALOG},
            "ResultConfiguration": {"OutputLocation": self.output},
            "WorkGroup": self.work_group,
            "EngineVersion": {"EffectiveEngineVersion": "Athena engine version 3"},
            "Status": status,
            "Statistics": {
                "TotalExecutionTimeInMillis": milliseconds,
                "EngineExecutionTimeInMillis": milliseconds,
                "DataScannedInBytes": self.statement.scanned_bytes,
            },
        }


@dataclass
class Athena:
    """The API while it runs."""

    endpoint: str
    account: Aws
    trino: Trino | None = None
    queries: dict[str, Query] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment so that the AWS SDKs call this Athena."""
        return {
            **self.account.environment,
            "AWS_ENDPOINT_URL_ATHENA": self.endpoint,
            "AWS_ENDPOINT_URL_GLUE": self.endpoint,
        }

    def answer(self, target: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a call that is not the emulator's; none for the emulator's.

        Raises:
            RequestError: the call is refused.
        """
        own: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "AmazonAthena.StartQueryExecution": self._start,
            "AmazonAthena.GetQueryExecution": lambda r: {
                "QueryExecution": self._query(r).describe()
            },
            "AmazonAthena.GetQueryResults": self._results,
            "AmazonAthena.StopQueryExecution": self._stop,
            "AWSGlue.GetTableVersions": self._versions,
        }
        return own[target](request) if target in own else None

    def _query(self, request: dict[str, Any]) -> Query:
        if query := self.queries.get(request["QueryExecutionId"]):
            return query
        raise RequestError(f"QueryExecution {request['QueryExecutionId']} was not found")

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        work_group = request.get("WorkGroup", "primary")
        query = Query(
            sql=_without_comments(request["QueryString"]),
            database=request.get("QueryExecutionContext", {}).get("Database") or "default",
            work_group=work_group,
            folder=self._output_folder(work_group, request),
        )
        if _SELECT.match(query.sql) is None and _DDL.match(query.sql) is None:
            raise RequestError(f"this stand-in runs selects and views only, not: {query.sql[:80]}")
        self.queries[query.id] = query
        threading.Thread(target=self._run, args=(query,), daemon=True).start()
        return {"QueryExecutionId": query.id}

    def _output_folder(self, work_group: str, request: dict[str, Any]) -> str:
        """The work group's, if it has one and enforces it, else the request's."""
        described = self.account.client("athena").get_work_group(WorkGroup=work_group)
        settings = described["WorkGroup"].get("Configuration", {})
        of_group = settings.get("ResultConfiguration", {}).get("OutputLocation")
        of_request = request.get("ResultConfiguration", {}).get("OutputLocation")
        is_enforced = settings.get("EnforceWorkGroupConfiguration", False)
        folder = of_group if is_enforced else of_request or of_group
        if not folder:
            raise RequestError("No output location provided.")
        return str(folder)

    def _run(self, query: Query) -> None:
        assert self.trino is not None  # noqa: S101 (it is set before the first request)
        query.state = "RUNNING"
        try:
            self.trino.run(_as_trino(query.sql), query.database, query.statement)
            if query.is_ddl and not query.sql.lower().startswith(("show", "describe", "explain")):
                query.statement.columns, query.statement.rows = [], []
            self._write(query)
        # Whatever it is: who asks for the state would wait for ever.
        except Exception as error:
            query.reason = str(error) or type(error).__name__
        query.completed = time.time()
        if query.statement.is_cancelled:
            query.state = "CANCELLED"
        else:
            query.state = "FAILED" if query.reason else "SUCCEEDED"

    def _write(self, query: Query) -> None:
        separator = "\t" if query.is_ddl else ","
        text = "".join(
            separator.join(_quoted(value) for value in line) + "\n" for line in query.lines
        )
        bucket, _, key = query.output.removeprefix("s3://").partition("/")
        self.account.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())

    def _results(self, request: dict[str, Any]) -> dict[str, Any]:
        query = self._query(request)
        if query.state != "SUCCEEDED":
            raise RequestError(f"Query has not yet finished. Current state: {query.state}")
        begin = int(request.get("NextToken") or 0)
        end = begin + min(request.get("MaxResults", PAGE), PAGE)
        lines = query.lines
        rows = [
            {"Data": [{} if value is None else {"VarCharValue": value} for value in line]}
            for line in lines[begin:end]
        ]
        columns = [_column_info(column) for column in query.statement.columns]
        result = {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}
        return {"ResultSet": result, **({"NextToken": str(end)} if end < len(lines) else {})}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        self._query(request).statement.is_cancelled = True
        return {}

    def _versions(self, request: dict[str, Any]) -> dict[str, Any]:
        """The emulator's Glue keeps one version of a table and has no call that shows it."""
        glue = self.account.client("glue")
        try:
            found = glue.get_table(DatabaseName=request["DatabaseName"], Name=request["TableName"])
        except glue.exceptions.EntityNotFoundException as error:
            raise RequestError(str(error)) from error
        table = {"Name": request["TableName"], "VersionId": "1"}
        table["StorageDescriptor"] = found["Table"].get("StorageDescriptor", {})
        return {"TableVersions": [{"Table": table, "VersionId": "1"}]}

    def pass_on(self, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Ask the emulator; return its status and answer."""
        if target in ("AWSGlue.CreateTable", "AWSGlue.UpdateTable"):
            body = _with_columns_of_view(body)
        if target.startswith("AmazonAthena."):
            body = body.replace(b'"awsdatacatalog"', b'"AwsDataCatalog"')
        request = urllib.request.Request(  # noqa: S310 (the emulator's own address)
            self.account.endpoint, data=body, headers=headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
                # Glue leaves out what a table does not have, and Trino takes a view whose
                # description is empty for a table.
                return 200, response.read().replace(b'"Description": "", ', b"")
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def _without_comments(sql: str) -> str:
    while match := _COMMENTS.match(sql):
        sql = sql[match.end() :]
    return sql.strip().rstrip(";")


def _as_trino(sql: str) -> str:
    """Athena writes names in DDL in backticks and calls a schema a database."""
    if not _DDL.match(sql) or "view" in sql[:30].lower():
        return sql
    sql = re.sub(r"`([^`]*)`", r'"\1"', sql)
    return re.sub(r"^create\s+database", "create schema", sql, flags=re.IGNORECASE)


def _text(value: Any) -> str | None:
    """A value of Trino's JSON as Athena writes it; the project has no arrays, maps or rows."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(value: str | None) -> str:
    """A value in a result file: all are quoted but nulls, which so differ from empty texts."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _column_info(column: dict[str, Any]) -> dict[str, Any]:
    arguments = [x.get("value") for x in column["typeSignature"].get("arguments", [])]
    kind = column["typeSignature"]["rawType"]
    precision, scale = arguments if kind == "decimal" else (0, 0)
    return {
        **{"CatalogName": "hive", "SchemaName": "", "TableName": "", "Nullable": "UNKNOWN"},
        **{"Name": column["name"], "Label": column["name"], "CaseSensitive": kind == "varchar"},
        **{"Type": "float" if kind == "real" else kind, "Precision": precision, "Scale": scale},
    }


def _with_columns_of_view(body: bytes) -> bytes:
    """Give a view its columns, as Athena does: Trino leaves them to the view's text."""
    request = json.loads(body)
    table = request["TableInput"]
    if not (match := _VIEW_TEXT.match(table.get("ViewOriginalText") or "")):
        return body
    columns = json.loads(base64.b64decode(match[1]))["columns"]
    table["StorageDescriptor"]["Columns"] = [
        {"Name": column["name"], "Type": _GLUE_TYPES.get(column["type"], column["type"])}
        for column in columns
    ]
    return json.dumps(request).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    athena: Athena

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        try:
            own = self.athena.answer(target, json.loads(body or b"{}"))
            if own is None:
                status, answer = self.athena.pass_on(target, body, self._headers_to_pass_on())
            else:
                status, answer = 200, json.dumps(own).encode()
        except RequestError as error:
            refusal = {"__type": "InvalidRequestException", "Message": str(error)}
            status, answer = 400, json.dumps(refusal).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _headers_to_pass_on(self) -> dict[str, str]:
        of_connection = ("host", "content-length", "connection", "expect", "transfer-encoding")
        return {k: v for k, v in self.headers.items() if k.lower() not in of_connection}

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep the terminal quiet."""


@contextlib.contextmanager
def running(account: Aws, folder: Path, tell: trino.Tell = print) -> Iterator[Athena]:
    """Run Athena's API for the length of a `with` block; Trino's files go to the folder.

    Raises:
        DownloadError, TrinoError: Trino cannot be fetched or started.
    """
    athena = Athena("", account)
    handler = type("Handler", (_Handler,), {"athena": athena})
    server = ThreadingHTTPServer((HOST, 0), handler)
    athena.endpoint = f"http://{HOST}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with trino.running(account, athena.endpoint, folder, tell) as engine:
            athena.trino = engine
            yield athena
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
