"""A command that is ended from outside cleans up first; one that fails says so without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.command import run_command
from shelfweek.project import PROJECT

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
    ended = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGHUP, before)
    signal.signal(signal.SIGTERM, ended)


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


class ForeseenError(Exception):
    """What a command may raise."""


def fails_with(error: Exception, folder: Path, *, is_debug: bool = False) -> int:
    """Run a command that raises the error."""

    def command(_console: Console) -> None:
        raise error

    return run_command(command, (ForeseenError,), "Nothing.", is_debug=is_debug, log_folder=folder)


def test_a_foreseen_error_is_told_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fails_with(ForeseenError("no such night \x1b[31m[b]" + 30 * " word"), tmp_path) == 1
    # A pasted command survives: no line is broken.
    expected = r"error: no such night \x1b[31m[b]" + 30 * " word" + "\n"
    assert capsys.readouterr().err == expected
    assert not list(tmp_path.iterdir())


def test_an_unforeseen_error_is_told_without_its_trace_which_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails_with(KeyError("sales"), tmp_path) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == "error: this should not happen: KeyError: 'sales'"
    assert str(tmp_path / "error.log") in second
    assert "--debug" in second
    assert "Traceback" in (tmp_path / "error.log").read_text()


def test_a_trace_has_a_place_where_a_lake_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails_with(KeyError("sales"), tmp_path / "no lake" / "run") == 1
    assert str(PROJECT / ".run" / "error.log") in capsys.readouterr().err
    assert not (tmp_path / "no lake").exists()


@pytest.mark.parametrize("error", [ForeseenError("x"), KeyError("x")])
def test_debug_shows_the_trace(
    error: Exception, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails_with(error, tmp_path, is_debug=True) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err
