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
    interrupt_when_ended()
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
