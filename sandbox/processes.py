"""What the stand-ins have in common that run as processes of this machine."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
STOP_TIMEOUT = 20.0
POLL = 0.2
# Below those that a system hands out by itself (Linux from 32768, others from 49152): what is found
# free here is seldom taken before the server that it was found for has it.
PORTS = range(20_000, 32_000)


def free_port(preferred: int | None = None) -> int:
    """Return a port of the loopback address that nobody listens on: the preferred one, or any."""
    # Whoever seeds Python's random numbers, as tests do, must not choose the ports as well.
    others = random.SystemRandom().sample(PORTS, 100)
    for port in others if preferred is None else [preferred, *others]:
        with contextlib.suppress(OSError):
            try_port(port)
            return port
    raise OSError("no port is free")


def try_port(port: int) -> None:
    """Raise OSError if a server cannot listen on this port of the loopback address."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """What a child does before it becomes its program: ask Linux to end it when its parent ends.

    Parent is the thread that starts it: use it only in one that lasts. Other systems have no such
    request; there a child outlives a parent that was killed hard.

    number: what ends it; SIGTERM for one that has to end processes of its own.
    """
    if sys.platform != "linux":
        return None
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of sys/prctl.h
    # Loaded before the fork: after it, in a program with threads, loading can hang.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(set_parent_death_signal, int(number), 0, 0, 0)
        # The parent may have ended before the request.
        if os.getppid() != parent:
            os._exit(1)

    return ask


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], log: Path, *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the length of a `with` block; it ends with all that it started.

    log: what it prints goes there. env: its whole environment; ours, if none is given.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its own group: a terminal's Ctrl-C reaches only us, and we end it.
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    try:
        yield process
    finally:
        _end_group(process)


def comes_up(process: subprocess.Popen[bytes], is_up: Callable[[], object], seconds: float) -> bool:
    """Whether a server is up within so many seconds, and before it ends.

    is_up: asks it; an answer that cannot be had or read is a no.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            if is_up():
                return True
        time.sleep(POLL)
    return False


def last_lines(log: Path, number: int = 12) -> str:
    """The end of a log, for an error."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-number:])


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Its children may outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
