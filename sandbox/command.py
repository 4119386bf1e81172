"""What all commands of the sandbox have in common: how they are stopped, and how they fail."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from rich.console import Console
from rich.text import Text

WIDTH = 100
"""Columns of a log or a pipe: tables need no narrower screen than they are wide."""


def run_command(
    command: Callable[[Console], None], errors: tuple[type[Exception], ...], when_stopped: str
) -> int:
    """Run a command and return its exit code.

    errors: what is told in one line and ends with 1. when_stopped: what is told after Ctrl-C, which
    ends with 130.
    """
    # A terminated command cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    try:
        command(console)
    except errors as error:
        Console(stderr=True, highlight=False).print(Text(f"error: {error}", style="red"))
        return 1
    except KeyboardInterrupt:
        Console(stderr=True).print(f"\nStopped. {when_stopped}")
        return 130
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
