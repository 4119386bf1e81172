"""Programs that run a stand-in, what they start, and what is left when they are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil

from shelfweek.project import PROJECT

SECONDS = 30.0


def children() -> set[psutil.Process]:
    """What this process has started and they have, but for what builds the archive of classes.

    That comes and goes by itself, whatever test runs.
    """
    test = psutil.Process()
    found = set(test.children(recursive=True))
    for child in test.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "sandbox.class_archive_builder" in child.cmdline():
                found -= {child, *child.children(recursive=True)}
    return found


def assert_nothing_outlives(program: str) -> None:
    """Kill a Python program that has printed its stand-in's address: all that it started ends."""
    owner = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline().startswith("http://127.0.0.1:")
    left = psutil.Process(owner.pid).children(recursive=True)
    assert left
    os.kill(owner.pid, signal.SIGKILL)
    owner.communicate()
    try:
        deadline = time.monotonic() + SECONDS
        while any(process.is_running() for process in left):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        for process in left:
            if process.is_running():
                process.kill()
