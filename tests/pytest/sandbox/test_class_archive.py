"""The archive of classes: made by itself, used where it is whole, never in the way."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sandbox import class_archive, class_archive_builder, thrift_server
from sandbox.spark_command import JAVA
from sandbox.thrift_server import ThriftServer, query
from shelfweek.project import PROJECT

MEMORY = "1g"
FILES = (class_archive.JAVA_CLASSES, class_archive.SPARK_CLASSES)
# With other tests beside it; alone it takes less than a minute.
BUILD_TIMEOUT = 900.0

OWNER = """
import sys
import time
from pathlib import Path
from sandbox import class_archive

class_archive.FOLDER = Path(sys.argv[1])
class_archive.build_in_background()
sys.stdin.readline()
"""


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.1)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes that name this folder in their command line, but for the owner."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if OWNER not in command and any(str(folder) in x for x in command):
                found.append(process)
    return found


def maps_classes(server: ThriftServer) -> bool:
    """Whether the Java of a server has taken its classes from the archive."""
    maps = {Path(x.path).name for x in psutil.Process(server.pid).memory_maps()}
    return set(FILES) <= maps


def write_archive(archive: Path) -> None:
    """Put an archive of a few bytes into its place."""
    draft = archive.parent / "draft"
    draft.mkdir(parents=True)
    for name in FILES:
        (draft / name).write_bytes(b"classes")
    class_archive.publish(draft, archive)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of archives for one test."""
    folder = tmp_path / "classes"
    folder.mkdir()
    monkeypatch.setattr(class_archive, "FOLDER", folder)
    return folder


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of jars in place of Spark's."""
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "spark.jar").write_bytes(b"1")
    monkeypatch.setattr(class_archive, "SPARK_JARS", jars / "*")
    return jars


@pytest.fixture
def builds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where the builder has let Java write, which writes a few bytes only."""
    written: list[Path] = []

    def write(file: Path) -> None:
        written.append(file)
        file.write_bytes(b"classes")

    monkeypatch.setattr(class_archive_builder, "_write_java_classes", write)
    monkeypatch.setattr(
        class_archive_builder,
        "_write_spark_classes",
        lambda draft, work: write(draft / class_archive.SPARK_CLASSES),
    )
    return written


def test_a_server_lets_it_be_built_and_the_next_one_uses_it(tmp_path: Path) -> None:
    """The environment's own archive, which the servers of all tests use."""
    if not class_archive.options():
        with thrift_server.running(tmp_path / "first", memory=MEMORY) as server:
            assert not maps_classes(server)
    archive = class_archive.place()
    wait_for(lambda: class_archive.is_whole(archive), "the archive", BUILD_TIMEOUT)
    further_jar = tmp_path / "further.jar"
    shutil.copy(JAVA.parents[1] / "lib" / "jrt-fs.jar", further_jar)
    with thrift_server.running(
        tmp_path / "second",
        memory=MEMORY,
        java_options=("-XX:TieredStopAtLevel=4",),
        jars=(further_jar,),
    ) as server:
        assert maps_classes(server)
        assert query(server.port, "select 1") == [(1,)]


def test_a_damaged_one_does_not_stop_a_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(class_archive, "build_in_background", lambda: asked.append("build"))
    write_archive(class_archive.place())
    (class_archive.place() / class_archive.SPARK_CLASSES).write_bytes(b"")
    with thrift_server.running(tmp_path / "lake", memory=MEMORY) as server:
        assert query(server.port, "select 1") == [(1,)]
    assert asked == ["build"]


@pytest.mark.parametrize("name", [*FILES, class_archive.CHECKSUMS])
@pytest.mark.parametrize("content", [b"", b"class", b"CLASSES", None])
def test_it_is_used_only_as_it_was_written(folder: Path, name: str, content: bytes | None) -> None:
    assert class_archive.options() == ()
    write_archive(class_archive.place())
    assert class_archive.options() != ()
    file = class_archive.place() / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert class_archive.options() == ()


def test_other_jars_need_another_one(jars: Path) -> None:
    places = [class_archive.place()]
    (jars / "further.jar").write_bytes(b"1")
    places.append(class_archive.place())
    (jars / "spark.jar").write_bytes(b"12")
    places.append(class_archive.place())
    os.utime(jars / "spark.jar", (1, 1))
    places.append(class_archive.place())
    assert class_archive.place() == places[-1]
    assert len(set(places)) == len(places)


def test_another_java_needs_another_one(
    jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_archive, "JAVA", tmp_path / "runtime" / "bin" / "java")
    release = tmp_path / "runtime" / "release"
    release.parent.mkdir()
    release.write_text('JAVA_VERSION="17.0.9"')
    place = class_archive.place()
    release.write_text('JAVA_VERSION="17.0.10"')
    assert class_archive.place() != place


def test_a_new_one_replaces_the_old(folder: Path, jars: Path, builds: list[Path]) -> None:
    class_archive_builder.build(folder)
    first = class_archive.place()
    (jars / "spark.jar").write_bytes(b"12")
    class_archive_builder.build(folder)
    assert class_archive.place() != first
    assert class_archive.options() != ()
    assert [x for x in folder.iterdir() if x.is_dir()] == [class_archive.place()]


def test_it_is_built_anew_only_where_it_is_damaged(folder: Path, builds: list[Path]) -> None:
    class_archive_builder.build(folder)
    class_archive_builder.build(folder)
    assert len(builds) == len(FILES)
    (class_archive.place() / class_archive.JAVA_CLASSES).write_bytes(b"")
    class_archive_builder.build(folder)
    assert len(builds) == 2 * len(FILES)
    assert class_archive.options() != ()


def test_of_two_builders_one_works(folder: Path, builds: list[Path]) -> None:
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        class_archive_builder.build(folder)
        assert builds == []
    class_archive_builder.build(folder)
    assert len(builds) == len(FILES)


def test_a_build_that_fails_leaves_nothing_nor_does_a_killed_one(
    folder: Path, builds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_draft: Path, _work: Path) -> None:
        raise OSError("no space left on device")

    (folder / "draft-of-a-killed-one").mkdir()
    monkeypatch.setattr(class_archive_builder, "_write_spark_classes", fail)
    with pytest.raises(OSError, match="no space"):
        class_archive_builder.build(folder)
    assert [x for x in folder.iterdir() if x.is_dir()] == []


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(class_archive, "FOLDER", tmp_path / "file" / "classes")
    monkeypatch.setattr(class_archive, "_builder", None)
    class_archive.build_in_background()
    assert class_archive.options() == ()


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_builder_ends_with_the_process_that_asked_for_it(tmp_path: Path, is_killed: bool) -> None:
    if is_killed and sys.platform != "linux":
        pytest.skip("only Linux tells a child of its parent's end")
    folder = tmp_path / "classes"
    owner = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", OWNER, str(folder)], cwd=PROJECT, stdin=subprocess.PIPE, text=True
    )
    try:
        wait_for((lambda: any("lake" in str(x) for x in folder.glob("draft-*/*"))), "its server")
        assert len(processes_of(folder)) >= 2
        if is_killed:
            os.kill(owner.pid, signal.SIGKILL)
            owner.communicate()
            wait_for(lambda: processes_of(folder) == [], "the end of the builder", 20)
        else:
            owner.communicate("\n", timeout=30)
            assert processes_of(folder) == []
        assert [x for x in folder.iterdir() if x.is_dir()] == []
    finally:
        owner.kill()
        owner.communicate()
        for process in processes_of(folder):
            process.kill()
