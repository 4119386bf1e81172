"""What all commands of the sandbox have in common: how they tell, fail and are stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from rich.console import Console
from rich.text import Text

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


def run_command(
    command: Callable[[Console], None],
    errors: tuple[type[Exception], ...],
    when_stopped: str,
    code_when_stopped: int = 130,
) -> int:
    """Run a command and return its exit code.

    errors: what is told in one line and ends with 1. when_stopped: what is told after Ctrl-C.
    code_when_stopped: 0 for a server, whose only end it is.
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
        return code_when_stopped
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
