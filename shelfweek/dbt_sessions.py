"""dbt-spark's sessions, kept open and ended in time: a few methods of it, mended.

dbt-spark opens a session for each node and closes it again, which costs the server a tenth of a
second each time; and at Ctrl-C it waits for ever. Importing this module mends both.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from dbt.adapters.spark.connections import PyhiveConnectionWrapper, SparkConnectionManager

_exception_handler = SparkConnectionManager.exception_handler
_close = PyhiveConnectionWrapper.close


def _hang_up(connection: PyhiveConnectionWrapper) -> None:
    """Cancel what a connection runs by ending it: the server then drops the statement.

    At Ctrl-C dbt-spark asks for the cancellation over the very connection on which another thread
    waits for its statement; each takes the other's answer and both wait for ever.
    """
    with contextlib.suppress(OSError):
        connection.handle._transport._trans.handle.shutdown(socket.SHUT_RDWR)


def _close_what_is_there(connection: PyhiveConnectionWrapper) -> None:
    """Close a session; one whose server is gone is closed.

    dbt closes all sessions when it ends, and again before it begins: an error there would be that
    of every later command.
    """
    with contextlib.suppress(Exception):
        _close(connection)


def _keep_open(manager: SparkConnectionManager) -> None:
    """Leave the thread's session to the next node; dbt closes all of them when it ends."""


@contextlib.contextmanager
def _close_after_failure(manager: SparkConnectionManager, sql: str) -> Iterator[None]:
    """A session on which a statement failed may be broken: the next node gets another one."""
    try:
        with _exception_handler(manager, sql):
            yield
    except BaseException:
        connection: Any = manager.get_if_exists()
        manager.close(connection)
        raise


PyhiveConnectionWrapper.cancel = _hang_up  # type: ignore[assignment, method-assign]
PyhiveConnectionWrapper.close = _close_what_is_there  # type: ignore[assignment, method-assign]
SparkConnectionManager.release = _keep_open  # type: ignore[assignment, method-assign]
SparkConnectionManager.exception_handler = _close_after_failure  # type: ignore[assignment, method-assign]
