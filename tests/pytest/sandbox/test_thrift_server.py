"""The Thrift Server module against real Java processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import psutil
import pytest

from sandbox import thrift_server
from sandbox.processes import HOST
from sandbox.thrift_server import ThriftServer, ThriftServerError, query

PROJECT = Path(thrift_server.__file__).parents[1]
MEMORY = "1g"

OWNER = """
import sys
import time
from pathlib import Path
from sandbox.thrift_server import running

with running(Path(sys.argv[1]), memory="1g"):
    print("up", flush=True)
    time.sleep(600)
"""


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.05)


def processes_of(lake: Path) -> list[psutil.Process]:
    """Java processes that name this lake in their command line."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command and command[0].endswith("java") and any(str(lake) in x for x in command):
                found.append(process)
    return found


def command_line(*arguments: str) -> int:
    command = [sys.executable, "-m", "sandbox.thrift_server", *arguments]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode  # noqa: S603


@contextlib.contextmanager
def owner_of(lake: Path) -> Iterator[subprocess.Popen[str]]:
    """Another Python process that runs the server of a lake in a `with` block."""
    owner = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", OWNER, str(lake)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield owner
    finally:
        owner.kill()
        owner.communicate()
        for process in processes_of(lake):
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThriftServer]:
    """One server for the tests that only use it, in surroundings that are apt to break one."""
    lake = tmp_path_factory.mktemp("thrift") / "a läke"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "C")
        patch.setenv("TZ", "Pacific/Apia")
        patch.setenv("SPARK_CONF_DIR", "/nowhere")
        patch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
        with thrift_server.running(lake, memory=MEMORY, cores=2) as running:
            yield running


def test_statements_and_queries_work(server: ThriftServer) -> None:
    assert query(server.port, "create database shop") == []
    assert query(server.port, "create table t using parquet as select 1 as a", "shop") == []
    assert query(server.port, "select a, 'x', 1.50 from t", "shop") == [(1, "x", Decimal("1.50"))]
    assert query(server.port, "select a from t where a > 1", "shop") == []
    assert query(server.port, "select 'x' as Result") == [("x",)]


def test_time_is_utc_wherever_the_machine_is(server: ThriftServer) -> None:
    sql = "select current_timezone(), cast('2026-03-29 02:30:00' as timestamp)"
    assert query(server.port, sql) == [("UTC", datetime(2026, 3, 29, 2, 30))]


@pytest.mark.parametrize("text", ["${env:HOME}", "${system:user.dir}", "${spark.master}"])
def test_a_statement_reads_nothing_of_the_server(server: ThriftServer, text: str) -> None:
    """A folder or a value of such a name stands in a statement as it is."""
    assert query(server.port, f"select '{text}'") == [(text,)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select 1 / 0", r"^\[DIVIDE_BY_ZERO\] Division by zero"),
        ("select cast('x' as int)", r"^\[CAST_INVALID_INPUT\]"),
        ("select absent", r"^\[UNRESOLVED_COLUMN"),
        ("selec 1", r"^\[PARSE_SYNTAX_ERROR\] Syntax error at or near 'selec'"),
    ],
)
def test_a_refused_statement_says_why(server: ThriftServer, sql: str, message: str) -> None:
    with pytest.raises(ThriftServerError, match=message) as caught:
        query(server.port, sql)
    assert "\tat " not in str(caught.value)


def test_an_absent_database_and_an_absent_server_are_named(server: ThriftServer) -> None:
    with pytest.raises(ThriftServerError, match="database absent"):
        query(server.port, "select 1", "absent")
    with socket.socket() as free:
        free.bind((HOST, 0))
        with pytest.raises(ThriftServerError, match="no Thrift Server answers"):
            query(free.getsockname()[1], "select 1")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts from the machine's start")
def test_a_server_is_found_after_the_clock_was_set(
    server: ThriftServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot_time = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot_time + 26)
    assert psutil.boot_time() == boot_time + 26
    found = thrift_server.attach(server.lake)
    assert found
    assert found.pid == server.pid


def test_it_listens_on_loopback_only(server: ThriftServer) -> None:
    connections = psutil.Process(server.pid).net_connections(kind="inet")
    assert {x.laddr.ip for x in connections} == {"127.0.0.1"}
    assert server.port in {x.laddr.port for x in connections if x.status == psutil.CONN_LISTEN}


def test_all_files_lie_under_the_lake(server: ThriftServer) -> None:
    files = {Path(x.path) for x in psutil.Process(server.pid).open_files()}
    writable = {x for x in files if x.suffix not in {".jar", ".jsa"} and x.name != "modules"}
    assert [x for x in writable if not x.is_relative_to(server.lake)] == []
    assert (server.lake / "metastore" / "db" / "service.properties").exists()
    assert (server.lake / "run" / "derby.log").exists()
    assert not (Path.home() / "metastore_db").exists()


def test_a_reader_sees_a_table_that_another_session_moved(
    server: ThriftServer, tmp_path: Path
) -> None:
    """Publishing is `alter table ... set location`: a long-lived session must follow it."""
    old, new = tmp_path / "old", tmp_path / "new"
    query(server.port, f"insert overwrite directory '{old}' using parquet select 1 as a")
    query(server.port, f"insert overwrite directory '{new}' using parquet select 2 as a")
    query(server.port, f"create table moved (a int) using parquet location '{old}'")
    with (
        contextlib.closing(thrift_server.connect(server.port)) as reader,
        contextlib.closing(reader.cursor()) as cursor,
    ):
        cursor.execute("select a from moved")
        assert cursor.fetchall() == [(1,)]
        query(server.port, f"alter table moved set location '{new}'")
        cursor.execute("select a from moved")
        assert cursor.fetchall() == [(2,)]


def test_attach_finds_the_server_of_its_lake_only(server: ThriftServer, tmp_path: Path) -> None:
    assert thrift_server.attach(server.lake) == server
    assert thrift_server.attach(tmp_path) is None


def test_a_second_server_for_a_lake_is_refused(server: ThriftServer) -> None:
    with pytest.raises(ThriftServerError, match=f"pid {server.pid}, port {server.port}"):
        thrift_server.start(server.lake)
    assert query(server.port, "select 1") == [(1,)]


def test_a_port_in_use_is_refused(server: ThriftServer, tmp_path: Path) -> None:
    with pytest.raises(ThriftServerError, match=f"port {server.port} cannot be used"):
        thrift_server.start(tmp_path, port=server.port)
    assert processes_of(tmp_path) == []


def test_the_command_line_says_what_runs(
    server: ThriftServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert thrift_server.main(["status", "--lake", str(server.lake)]) == 0
    assert f"Up: 127.0.0.1:{server.port}, pid {server.pid}" in capsys.readouterr().out
    assert thrift_server.main(["status", "--lake", str(tmp_path)]) == 1
    assert thrift_server.main(["stop", "--lake", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("No server runs") == 2
    assert thrift_server.main(["start", "--lake", str(server.lake)]) == 1
    assert "already has a server" in capsys.readouterr().err


@pytest.mark.parametrize("memory", ["3", "3 g", "0g", "-Xmx3g", ""])
def test_a_senseless_memory_is_refused(tmp_path: Path, memory: str) -> None:
    with pytest.raises(ThriftServerError, match="is not a size"):
        thrift_server.start(tmp_path, memory=memory)


def test_a_java_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ThriftServerError, match=r"ended early:\n.*NoSuchOption") as caught:
        thrift_server.start(tmp_path, java_options=("-XX:NoSuchOption",))
    assert "server.log" in str(caught.value)
    assert processes_of(tmp_path) == []
    assert thrift_server.attach(tmp_path) is None


def test_an_error_while_it_starts_leaves_no_process(tmp_path: Path) -> None:
    def fail() -> None:
        assert processes_of(tmp_path) != []
        raise ValueError("meanwhile")

    with pytest.raises(ValueError, match="meanwhile"):
        thrift_server.start(tmp_path, meanwhile=fail)
    assert processes_of(tmp_path) == []


def test_a_state_file_of_another_process_is_stale(tmp_path: Path) -> None:
    """A pid is reused sooner or later: its new owner must be neither attached to nor stopped."""
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (tmp_path / "run").mkdir()
        begun = thrift_server._start_of(psutil.Process(bystander.pid))
        log = tmp_path / "run" / "server.log"
        mistaken = ThriftServer(tmp_path, 10000, bystander.pid, begun - 3600, log, ready=True)
        thrift_server._write_state(mistaken)
        assert thrift_server.attach(tmp_path) is None
        mistaken.stop()
        assert bystander.poll() is None
        # The same file with the right start time would be taken for a live server.
        thrift_server._write_state(replace(mistaken, create_time=begun))
        assert thrift_server.attach(tmp_path) is not None
    finally:
        bystander.communicate(b"\n")
    assert thrift_server.attach(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_torn_state_file_is_stale(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "server.json").write_text(text)
    assert thrift_server.attach(tmp_path) is None


def test_an_interrupted_start_leaves_no_process(tmp_path: Path) -> None:
    with owner_of(tmp_path) as owner:
        state = tmp_path / "run" / "server.json"
        wait_for(state.exists, "the state file")
        assert not json.loads(state.read_text())["ready"]
        assert thrift_server.attach(tmp_path) is None
        with pytest.raises(ThriftServerError, match="already has a server"):
            thrift_server.start(tmp_path)
        owner.send_signal(signal.SIGINT)
        owner.wait(30)
        assert processes_of(tmp_path) == []
        assert not state.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_owner_leaves_no_process_and_a_usable_lake(tmp_path: Path) -> None:
    with owner_of(tmp_path) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        orphan = thrift_server.attach(tmp_path)
        assert orphan is not None
        query(orphan.port, "create table kept using parquet as select 1 as a")
        os.kill(owner.pid, signal.SIGKILL)
        wait_for(lambda: processes_of(tmp_path) == [], "the end of Java", 10)

    assert (tmp_path / "run" / "server.json").exists()
    assert thrift_server.attach(tmp_path) is None
    # A server that the command line started outlives that command.
    assert command_line("start", "--lake", str(tmp_path), "--memory", MEMORY) == 0
    server = thrift_server.attach(tmp_path)
    assert server is not None
    assert query(server.port, "select a from kept") == [(1,)]
    orphan.stop()
    assert thrift_server.attach(tmp_path) == server

    assert command_line("stop", "--lake", str(tmp_path)) == 0
    assert processes_of(tmp_path) == []
    assert not psutil.pid_exists(server.pid)
    assert not (tmp_path / "run" / "server.json").exists()
    server.stop()
    assert command_line("stop", "--lake", str(tmp_path)) == 0
