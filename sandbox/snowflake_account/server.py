"""The account over HTTP, as the Snowflake connector speaks it: fakesnow's server, made stricter."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fakesnow.server
import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from snowflake.connector.errors import Error, ProgrammingError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .account import Account, Fault
from .session import Session
from .statements import Result, pattern

_WRONG_KEY = "390144"
_NO_SUCH_ROLE = "390189"
_LOGIN = "/session/v1/login-request"
_QUERY = "/queries/v1/query-request"


def application(account: Account, name: str) -> Starlette:
    """The server of an account; name: the account's name, which a login must give."""
    server = _Server(account, name.upper())
    ours = [
        Route(_LOGIN, server.login, methods=["POST"]),
        Route(_QUERY, server.query, methods=["POST"]),
        Route("/telemetry/send", server.telemetry, methods=["POST"]),
        Route("/stand-in/ledger", server.ledger),
        Route("/stand-in/faults", server.set_faults, methods=["PUT"]),
    ]
    return Starlette(
        routes=ours + [r for r in fakesnow.server.routes if r.path not in (_LOGIN, _QUERY)]
    )


class _Server:
    def __init__(self, account: Account, name: str) -> None:
        self._account = account
        self._name = name
        self._sessions: dict[str, Session] = {}

    async def login(self, request: Request) -> JSONResponse:
        """Log in with a signed token, and with nothing else."""
        data = _json(await request.body(), request)["data"]
        try:
            self._check_token(data)
        except (jwt.PyJWTError, KeyError, ValueError):
            return _error(_WRONG_KEY, f"JWT token is invalid. [{uuid.uuid4()}]")
        role = request.query_params.get("roleName", "").upper()
        if role and role not in self._account.roles:
            return _error(
                _NO_SUCH_ROLE,
                f"Role '{role}' specified in the connect string does not exist or not authorized.",
            )
        response = await fakesnow.server.login_request(request)
        answer = json.loads(response.body)
        token = answer["data"]["token"]
        self._sessions[token] = Session(fakesnow.server.sessions[token], role or "PUBLIC")
        # The connector asks for more than fakesnow answers.
        answer["data"].update(
            masterToken=token, validityInSeconds=3600, masterValidityInSeconds=14400, sessionId=1
        )
        return JSONResponse(answer)

    async def query(self, request: Request) -> JSONResponse:
        """Run one statement."""
        session = self._sessions.get(fakesnow.server.to_token(request))
        if session is None:
            return _error("390104", "User must login again to access the service.")
        sql = _json(await request.body(), request)["sqlText"]
        try:
            result = await run_in_threadpool(self._account.run, session, sql)
        except ProgrammingError as error:
            return _error(f"{error.errno:06d}", str(error.raw_msg), error.sqlstate)
        except Error as error:
            return _error("000603", str(error.msg))
        return JSONResponse(_answer(result, session))

    async def telemetry(self, request: Request) -> JSONResponse:
        """The connector's figures about itself, which nobody reads here."""
        return JSONResponse({"success": True})

    async def ledger(self, request: Request) -> JSONResponse:
        """What the account keeps of statements that it cannot run, and who was told of failures."""
        return JSONResponse(
            {"statements": self._account.ledger, "notified": self._account.tasks.notified}
        )

    async def set_faults(self, request: Request) -> JSONResponse:
        """Set the errors that statements of some forms meet from now on; no faults end that."""
        self._account.faults = [
            Fault(pattern(fault["form"]), fault["code"], fault["state"], fault["text"])
            for fault in await request.json()
        ]
        return JSONResponse({})

    def _check_token(self, data: dict[str, Any]) -> None:
        """Check signature, issuer, subject and age of a login token.

        Raises:
            jwt.PyJWTError: the token is not one of this user's key, or no longer valid.
            KeyError: there is no such user, or no token.
            ValueError: the login is of another kind.
        """
        if data.get("AUTHENTICATOR") != "SNOWFLAKE_JWT":
            raise ValueError("key-pair login only")
        user = data["LOGIN_NAME"].upper()
        subject = f"{self._name}.{user}"
        issuers = {
            f"{subject}.{_fingerprint(key)}": key for key in self._account.users[user].values()
        }
        # The issuer names the key; its signature is checked with that key below.
        claims = jwt.decode(data["TOKEN"], options={"verify_signature": False})
        jwt.decode(
            data["TOKEN"],
            issuers[claims["iss"]],
            algorithms=["RS256"],
            subject=subject,
            options={"require": ["exp", "iat", "iss", "sub"]},
        )


def _fingerprint(key: Any) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def _json(body: bytes, request: Request) -> Any:
    return json.loads(
        gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body
    )


def _error(code: str, text: str, state: str | None = None) -> JSONResponse:
    """Snowflake answers 200 to what it refuses."""
    return JSONResponse(
        {
            "data": {"errorCode": code, "sqlState": state},
            "code": code,
            "message": text,
            "success": False,
        }
    )


def _answer(result: Result, session: Session) -> dict[str, Any]:
    columns = list(zip(*result.rows, strict=True)) or [()] * len(result.columns)
    return {
        "data": {
            "rowtype": [
                _column(name, values) for name, values in zip(result.columns, columns, strict=True)
            ],
            "rowset": [[_text(value) for value in row] for row in result.rows],
            "total": len(result.rows),
            "returned": len(result.rows),
            "queryId": str(uuid.uuid4()),
            "queryResultFormat": "json",
            "statementTypeId": 0x1000,
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
        },
        "success": True,
    }


def _column(name: str, values: tuple[Any, ...]) -> dict[str, Any]:
    """A column's name and type, by its values: number, date, timestamp, or else text."""
    column = {"name": name, "nullable": True, "precision": None, "scale": None}
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, (int, Decimal)) for value in present):
        scale = max(-int(Decimal(number).as_tuple().exponent) for number in present)
        return {**column, "type": "fixed", "precision": 38, "scale": max(scale, 0)}
    if present and all(isinstance(value, datetime) for value in present):
        return {**column, "type": "timestamp_ntz", "scale": 9}
    if present and all(isinstance(value, date) for value in present):
        return {**column, "type": "date"}
    return {**column, "type": "text", "length": 16777216, "byteLength": 16777216}


def _text(value: Any) -> str | None:
    """A value as the connector expects it: dates in days, timestamps in seconds since 1970."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=UTC).timestamp():.9f}"
    if isinstance(value, date):
        return str((value - date(1970, 1, 1)).days)
    return str(value)
