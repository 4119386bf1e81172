"""A command that is ended from outside cleans up first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from shelfweek.contract import PROJECT

COMMAND = """
import sys
import time
from sandbox.command import run_command

def command(console):
    try:
        print("up", flush=True)
        time.sleep(int(sys.argv[1]))
    finally:
        time.sleep(2)
        print("clean", flush=True)

sys.exit(run_command(command, (), "Nothing runs any more."))
"""


@pytest.fixture(autouse=True)
def _hang_ups_are_heard() -> Iterator[None]:
    """Whoever runs the tests may ignore them, and a child takes that over."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(seconds: int, *before: str) -> subprocess.Popen[str]:
    """Start a command that lasts that long, and wait until it is up."""
    process = subprocess.Popen(  # noqa: S603
        [*before, sys.executable, "-c", COMMAND, str(seconds)],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize(
    "numbers",
    [
        [signal.SIGINT],
        [signal.SIGTERM],
        # A terminal's end comes twice, from the shell and from the kernel.
        [signal.SIGHUP, signal.SIGHUP],
    ],
)
def test_a_command_that_is_ended_cleans_up(numbers: list[signal.Signals]) -> None:
    process = start(60)
    for number in numbers:
        os.kill(process.pid, number)
        time.sleep(0.5)
    output, errors = process.communicate(timeout=30)
    assert output == "clean\n"
    assert "Stopped. Nothing runs any more." in errors
    assert process.returncode == 130


def test_a_command_under_nohup_outlives_its_terminal() -> None:
    process = start(2, "nohup")
    os.kill(process.pid, signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 0
