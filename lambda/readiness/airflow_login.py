"""Airflow's address and our login there, out of Secrets Manager, and never out of this module."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# https, or this machine, as in tests. Neither a login nor a query: mails and logs name the address.
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_URL = re.compile(
    rf"(?:https://(?P<host>{_LABEL}(?:\.{_LABEL})*)|http://127\.0\.0\.1)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~-]+)*/?"
)
_LONGEST_HOST = 253
_PORTS = range(1, 1 << 16)

# What a header can carry.
_TOKEN = re.compile(r"[!-~]+")

_HIDDEN = "***"


class AirflowError(Exception):
    """Airflow was not reached or refused; the message says why and never holds a credential."""


@dataclass(frozen=True)
class Login:
    """Airflow's address and our login there; only the address shows when it is printed.

    Attributes:
        token: takes the place of username and password, which are empty then.
    """

    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class LoginSecret:
    """The login in Secrets Manager, read once per execution environment.

    The secret holds JSON: `{"url": "https://...", "username": "...", "password": "..."}`, or
    `{"url": "https://...", "token": "..."}` for an Airflow that gives no token for a password.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn
        self._login: Login | None = None
        self._known: set[str] = set()

    def read(self) -> Login:
        """Return the login.

        Raises:
            AirflowError: the secret cannot be read or does not hold a login.
        """
        if self._login is None:
            self._login = self._read()
            self.hide(self._login.username, self._login.password, self._login.token)
        return self._login

    def forget(self) -> None:
        """Read the secret anew next time: it may have been rotated."""
        self._login = None

    def hide(self, *secrets: str) -> None:
        """Keep texts out of what `scrub` returns from now on."""
        self._known |= set(secrets) - {""}

    def scrub(self, text: str) -> str:
        """Return a text without the credentials that were read so far."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text

    def _read(self) -> Login:
        try:
            text = self._client.get_secret_value(SecretId=self._arn).get("SecretString")
        except (BotoCoreError, ClientError) as error:
            raise AirflowError(f"the secret {self._arn} cannot be read: {error}") from None
        try:
            values = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            values = None
        values = values if isinstance(values, dict) else {}
        if wrong := [name for name in _names(values) if not _fits(name, values.get(name))]:
            # Not chained to its cause, which may quote the secret.
            raise AirflowError(
                f"the secret {self._arn} does not hold JSON with url (https://<host>[:<port>]), "
                "username and password, or with url and token; missing or malformed: "
                f"{', '.join(wrong)}"
            )
        login = Login(**{name: values[name] for name in _names(values)})
        return Login(login.url.rstrip("/"), login.username, login.password, login.token)


def is_token(value: object) -> bool:
    """Whether a value can be sent as a token."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _names(values: dict[str, Any]) -> tuple[str, ...]:
    return ("url", "token") if "token" in values else ("url", "username", "password")


def _fits(name: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    if name == "url":
        return _is_url(value)
    return is_token(value) if name == "token" else bool(value)


def _is_url(text: str) -> bool:
    match = _URL.fullmatch(text)
    if not match:
        return False
    port = int(match["port"] or _PORTS.start)
    return len(match["host"] or "") <= _LONGEST_HOST and port in _PORTS
