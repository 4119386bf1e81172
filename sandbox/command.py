"""What all commands of the sandbox have in common: how they tell, fail and are stopped."""

from __future__ import annotations

import argparse
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from shelfweek.domain import Domain, DomainError, domain
from shelfweek.make_command import DEFAULT_DOMAIN
from shelfweek.printable import printable, printable_lines
from shelfweek.project import PROJECT

WIDTH = 100
"""Columns of a log or a pipe: tables need no narrower screen than they are wide."""


@dataclass
class Story:
    """Prints what happens, with the seconds since the beginning."""

    console: Console
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def tell(self, text: str) -> None:
        """Print one line."""
        self.console.print(Text(f"{self.seconds:8.1f} s  {text}"), soft_wrap=True)


class Parser(argparse.ArgumentParser):
    """Tells of a wrong argument in one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"error: {printable(message)}\n")


def add_debug(parser: argparse.ArgumentParser) -> None:
    """Let a command understand --debug."""
    parser.add_argument(
        "--debug", action="store_true", help="show the whole trace of an error (DEBUG=1 of make)"
    )


def add_domain(parser: argparse.ArgumentParser, *, only_default_has: str = "") -> None:
    """Let a command understand --domain.

    only_default_has: what the command needs and no other domain than the default one has.
    """

    def known(name: str) -> Domain:
        try:
            found = domain(name)
        except DomainError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        if only_default_has and name != DEFAULT_DOMAIN:
            raise argparse.ArgumentTypeError(
                f"domain {name} has no {only_default_has}, only {DEFAULT_DOMAIN} has"
            )
        return found

    parser.add_argument(
        "--domain",
        type=known,
        default=DEFAULT_DOMAIN,
        help="whose tables, a folder of models/staging (default: %(default)s; DOMAIN= of make)",
    )


def run_command(
    command: Callable[[Console], None],
    errors: tuple[type[Exception], ...],
    when_stopped: str,
    code_when_stopped: int = 130,
    *,
    is_debug: bool = False,
    log_folder: Path = PROJECT / ".run",
) -> int:
    """Run a command and return its exit code.

    errors: what is told in one line and ends with 1. when_stopped: what is told after Ctrl-C.
    code_when_stopped: 0 for a server, whose only end it is. is_debug: show the trace of an error.
    log_folder: where the trace of an error that nobody foresaw is kept.
    """
    interrupt_when_ended()
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    try:
        command(console)
    except errors as error:
        _tell(str(error), is_debug)
        return 1
    except KeyboardInterrupt:
        Console(stderr=True).print(f"\nStopped. {when_stopped}")
        return code_when_stopped
    except Exception as error:
        first_line = next(iter(str(error).splitlines()), "")
        log = _keep_trace(log_folder)
        _tell(
            f"this should not happen: {type(error).__name__}: {first_line}\n"
            f"(the whole trace: {log}; --debug, or DEBUG=1 of make, shows it)",
            is_debug,
        )
        return 1
    return 0


def _tell(message: str, is_debug: bool) -> None:
    """Print an error that is being handled."""
    if is_debug:
        traceback.print_exc()
    told = Text(printable_lines(f"error: {message}"), style="red")
    Console(stderr=True, highlight=False).print(told, soft_wrap=True)


def _keep_trace(folder: Path) -> Path:
    """Write the trace of the error that is being handled to a file, and return its path."""
    if not os.access(folder, os.W_OK):
        folder = PROJECT / ".run"
        folder.mkdir(exist_ok=True)
    log = folder / "error.log"
    log.write_text(traceback.format_exc(), encoding="utf-8", errors="replace")
    return log


def interrupt_when_ended() -> None:
    """Let SIGTERM, and the end of the terminal, take the way of Ctrl-C: all of them clean up."""
    signal.signal(signal.SIGTERM, _interrupt)
    # nohup has it ignored.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Shell and kernel both tell of the terminal's end: once is enough, the second would interrupt
    # the cleaning up.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise KeyboardInterrupt
