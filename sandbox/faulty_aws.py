"""A proxy before the emulated account that gives wrong answers when it is told to.

Requests go on to the emulator as they came; one that meets a fault gets the fault's answer instead.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.processes import HOST

SECONDS = 120.0

# Headers that belong to one connection.
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass
class Fault:
    """What happens to requests instead of their answer.

    Attributes:
        action: part of what is asked: `ElasticMapReduce.RunJobFlow`, or `GET /lake/landing`.
        times: how often, before it is used up.
        is_lost: the request is done, and the connection is closed without an answer.
    """

    action: str
    status: int
    body: bytes
    times: int = 1_000_000
    is_lost: bool = False

    @classmethod
    def refusal(cls, action: str, code: str, message: str, times: int = 1_000_000) -> Fault:
        """AWS refuses, with status 400."""
        body = json.dumps({"__type": code, "message": message}).encode()
        return cls(action, 400, body, times)

    @classmethod
    def lost_answer(cls, action: str, times: int = 1) -> Fault:
        """AWS does what is asked, and its answer never arrives."""
        return cls(action, 0, b"", times, is_lost=True)

    @classmethod
    def of_s3(cls, action: str, status: int, code: str, times: int = 1_000_000) -> Fault:
        """S3 refuses: 503 and `SlowDown`, say, or 403 and `AccessDenied`."""
        body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        return cls(action, status, body, times)


@dataclass
class FaultyAws:
    """The proxy. `faults` may be changed at any time; `met` counts the requests that met one."""

    endpoint: str
    faults: list[Fault] = field(default_factory=list)
    met: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_for(self, asked: str) -> Fault | None:
        """The fault that a request meets."""
        with self._lock:
            for fault in self.faults:
                if fault.action in asked and fault.times > 0:
                    fault.times -= 1
                    self.met += 1
                    return fault
            return None


@contextlib.contextmanager
def running(target: str) -> Iterator[FaultyAws]:
    """Run the proxy before an account, `http://127.0.0.1:<port>`, for the length of a block."""
    address = urllib.parse.urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Be quiet."""

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = f"{self.headers.get('X-Amz-Target', '')} {self.command} {self.path}"
            fault = proxy.fault_for(asked)
            if fault and not fault.is_lost:
                self._answer(fault.status, [("Content-Type", "application/json")], fault.body)
                return
            connection = http.client.HTTPConnection(address, timeout=SECONDS)
            with contextlib.closing(connection):
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                if fault:
                    self.close_connection = True
                    return
                kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP]
                length = answer.headers.get("Content-Length") if self.command == "HEAD" else None
                self._answer(answer.status, kept, content, length)

        def _answer(
            self,
            status: int,
            headers: list[tuple[str, str]],
            content: bytes,
            length: str | None = None,
        ) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

    server = ThreadingHTTPServer((HOST, 0), Handler)
    proxy = FaultyAws(f"http://{HOST}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
