"""What the stand-ins have in common that run as processes of this machine."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

HOST = "127.0.0.1"


def free_port(preferred: int = 0) -> int:
    """Return a port of the loopback address that nobody listens on: the preferred one, or any."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As servers do: a port that was used a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise OSError("no port is free")


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


def end_group(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a process that leads a group, with all that it started.

    seconds: how long it may take to end by itself.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Its children may outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
