"""A headless Chromium, driven over the WebDriver protocol that chromedriver speaks."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import processes
from sandbox.processes import HOST, comes_up, free_port, last_lines

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMEDRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless",
    # Through a pipe to chromedriver, with which the browser ends; it outlives a closed socket.
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
)
REQUEST_TIMEOUT = 180.0
PAGE_TIMEOUT = 180.0
START_TIMEOUT = 30.0
POLL = 0.5
PIXELS = (1600, 1000)


class BrowserError(RuntimeError):
    """The browser refuses a command, or a page does not become what was waited for."""


@dataclass(frozen=True)
class Browser:
    """One window.

    Attributes:
        session: address of the WebDriver session.
    """

    session: str

    def open(self, url: str) -> None:
        """Go to an address."""
        self._command("POST", "url", {"url": url})

    @property
    def address(self) -> str:
        """Where the window is."""
        return str(self._command("GET", "url"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page and return what it returns."""
        return self._command("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script: str, *arguments: Any, seconds: float = PAGE_TIMEOUT) -> Any:
        """Run JavaScript until it returns something true, and return that.

        Raises:
            BrowserError: it has not within that many seconds.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(BrowserError):  # the page is being replaced: ask again
                if found := self.run(script, *arguments):
                    return found
            time.sleep(POLL)
        text = self.run("return document.body.innerText.slice(0, 1500)")
        raise BrowserError(f"not within {seconds:.0f} s on {self.address}: {script}\n{text}")

    def type(self, selector: str, text: str) -> None:
        """Type into the first element that a CSS selector finds."""
        element = self._command("POST", "element", {"using": "css selector", "value": selector})
        (reference,) = element.values()
        self._command("POST", f"element/{reference}/value", {"text": text})

    def click(self, selector: str) -> None:
        """Click the first element that a CSS selector finds."""
        element = self._command("POST", "element", {"using": "css selector", "value": selector})
        (reference,) = element.values()
        self._command("POST", f"element/{reference}/click", {})

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window, in pixels."""
        self._command("POST", "window/rect", {"width": width, "height": height})

    def screenshot(self, file: Path) -> None:
        """Save what the window shows as PNG."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(self._command("GET", "screenshot")))

    def _command(self, method: str, path: str, body: object = None) -> Any:
        return _send(method, f"{self.session}/{path}", body)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Browser]:
    """Run a browser with a new profile in a folder for the length of a `with` block."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    width, height = PIXELS
    options = {
        "binary": CHROMIUM,
        "args": [
            *FLAGS,
            f"--window-size={width},{height}",
            f"--user-data-dir={folder / 'profile'}",
        ],
    }
    command = [str(CHROMEDRIVER), f"--port={port}"]
    log = folder / "chromedriver.log"
    with processes.running(command, log, cwd=folder) as driver:
        if not comes_up(driver, lambda: _send("GET", f"{url}/status"), START_TIMEOUT):
            raise BrowserError(f"chromedriver gives no answer:\n{last_lines(log)}")
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        opened = _send("POST", f"{url}/session", {"capabilities": wanted})
        session = f"{url}/session/{opened['sessionId']}"
        try:
            yield Browser(session)
        finally:
            with contextlib.suppress(BrowserError, OSError):
                _send("DELETE", session)


def _send(method: str, url: str, body: object = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 (the driver's own address)
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT) as answer:  # noqa: S310
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise BrowserError(error.read().decode(errors="replace")[:1000]) from error
