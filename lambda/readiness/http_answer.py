"""One HTTP request and its whole answer, within one deadline, whatever the server does."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import re
import socket
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

# The answer to a start repeats the conf, with all the night's files.
MAX_ANSWER_BYTES = 1 << 24

_HOST = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,253}")


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Message
    content: bytes

    @property
    def json(self) -> Any:
        """The content; None where it is no JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def elsewhere(self) -> str:
        """Where a redirect leads, by its host alone: a whole address may hold a token."""
        try:
            host = urllib.parse.urlsplit(self.headers.get("Location", "")).netloc.rpartition("@")[2]
        except ValueError:
            host = "?"
        if not host:
            return "another page there"
        return host if _HOST.fullmatch(host) else "an address that cannot be read"


def ask(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float
) -> Answer:
    """Send a request once and wait for all of its answer; a redirect is an answer.

    url: http or https, in ASCII. seconds: for name, connection, request and answer together. A
    socket's own timeout is one for each read, so a server that trickles would never meet it.

    Raises:
        TimeoutError: the time is over.
        OSError, http.client.HTTPException: the connection broke, or what came is no HTTP.
    """
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=seconds)
    opened: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
    outcomes: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()

    def send() -> None:
        try:
            connection.request(method, parts.path, body, dict(headers))
            opened.put(connection.sock)
            outcomes.put(_read(connection))
        except Exception as error:
            outcomes.put(error)
        finally:
            connection.close()

    threading.Thread(target=send, daemon=True).start()
    try:
        outcome = outcomes.get(timeout=seconds)
    except queue.Empty:
        _hang_up(opened)
        raise TimeoutError("timed out") from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _read(connection: http.client.HTTPConnection) -> Answer:
    with connection.getresponse() as response:
        content = response.read(MAX_ANSWER_BYTES)
        if response.length and len(content) < MAX_ANSWER_BYTES:
            raise http.client.IncompleteRead(content, response.length)
        return Answer(response.status, response.headers, content)


def _hang_up(opened: queue.SimpleQueue[socket.socket]) -> None:
    """End the thread that still reads. One that is not connected yet ends by its own timeout."""
    with contextlib.suppress(queue.Empty, OSError):
        opened.get_nowait().shutdown(socket.SHUT_RDWR)
