"""Builds the archive of the classes that a Thrift Server loads: see class_archive.

`class_archive.build_in_background` starts it. A server on an empty lake runs some of the statements
of a night, and Java writes down the classes when it ends. Of several builders the first one works.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox import class_archive, thrift_server
from sandbox.command import interrupt_when_ended
from sandbox.spark_command import COLLECTOR, JAVA, server_environment

LAST_PRIORITY = 19
# With little else to do Java takes 15 seconds to write the classes.
WRITE_TIMEOUT = 600.0

# Each makes Spark load what one kind of a night's statements needs.
STATEMENTS = (
    "create database shop",
    "create table shop.lines (day string, store string, amount string, _corrupt_record string)"
    " using csv options (path '{files}', header 'true', mode 'PERMISSIVE', enforceSchema 'false',"
    " columnNameOfCorruptRecord '_corrupt_record')",
    "create or replace view shop.typed as select try_cast(day as date) as day,"
    " try_cast(store as bigint) as store, try_cast(amount as decimal(18, 4)) as amount,"
    " _metadata.file_name as file from shop.lines where _corrupt_record is null",
    "create table shop.sales using parquet partitioned by (day) as select store, amount,"
    " row_number() over (partition by xxhash64(store, amount) order by file) as copy, day"
    " from shop.typed",
    "create table shop.stores using parquet as select 1 as store_key, 'one' as name",
    "insert overwrite table shop.sales partition (day) select store, amount, 1, day"
    " from shop.typed",
    "alter table shop.sales drop if exists partition (day = '2026-11-20')",
    "describe formatted shop.sales",
    "show table extended in shop like '*'",
    "select coalesce(name, 'unknown'), sum(amount), count(*) from shop.sales"
    " full outer join shop.stores on store = store_key group by all order by 1 limit 5",
)


def build(folder: Path) -> None:
    """Build the archive that fits this environment, unless it is there or is being built.

    folder: of all archives.

    Raises:
        OSError, CalledProcessError, ThriftServerError: it cannot be built.
    """
    class_archive.FOLDER = folder
    archive = class_archive.place()
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if class_archive.is_whole(archive):
            return
        for left_by_a_killed_one in folder.glob("draft-*"):
            shutil.rmtree(left_by_a_killed_one, ignore_errors=True)
        # Beside its place, so that it can be moved there in one step.
        with tempfile.TemporaryDirectory(dir=folder, prefix="draft-") as work:
            draft = Path(work) / "archive"
            draft.mkdir()
            _write_java_classes(draft / class_archive.JAVA_CLASSES)
            _write_spark_classes(draft, Path(work))
            class_archive.publish(draft, archive)


def _write_java_classes(file: Path) -> None:
    """Write the archive of Java's own classes, which most Javas bring along and ours does not."""
    subprocess.run(  # noqa: S603
        [JAVA, "-Xshare:dump", COLLECTOR, f"-XX:SharedArchiveFile={file}"],
        env=server_environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _write_spark_classes(draft: Path, work: Path) -> None:
    """Run a server for a moment; when it ends, it writes the classes that it has loaded."""
    files = work / "files"
    files.mkdir()
    (files / "lines.csv").write_text("day,store,amount\n2026-11-20,1,1.50\n", encoding="utf-8")
    server = thrift_server.start(
        work / "lake",
        memory="1g",
        java_options=(
            f"-XX:SharedArchiveFile={draft / class_archive.JAVA_CLASSES}",
            f"-XX:ArchiveClassesAtExit={draft / class_archive.SPARK_CLASSES}",
            # A warning for each of the thousand classes that do not fit into an archive.
            "-Xlog:disable",
        ),
        uses_archive=False,
    )
    patience = 0.0
    try:
        for statement in STATEMENTS:
            thrift_server.query(server.port, statement.format(files=files))
        patience = WRITE_TIMEOUT
    finally:
        server.stop(patience)


if __name__ == "__main__":
    interrupt_when_ended()
    os.nice(LAST_PRIORITY)
    try:
        build(Path(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
