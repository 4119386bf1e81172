"""The archive of the classes that a Thrift Server loads: with it a start takes 40 % less work.

Java maps the archive instead of reading, checking and linking some 18,000 classes. It consists of
two files, one of Java's own classes and one of Spark's, lies in the Python environment, and is made
for exactly that environment's Java and jars. Nobody has to know of it: a server that finds none
starts without, and lets one be built in the background, which takes a core some 40 seconds, gives
way to all other work and ends with the process that asked for it. Deleting it is safe.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from sandbox.processes import die_with_parent
from sandbox.spark_command import COLLECTOR, JAVA, SPARK_JARS
from shelfweek.project import PROJECT

FOLDER = Path(sys.prefix).resolve() / "thrift-server-classes"
JAVA_CLASSES = "java.jsa"
SPARK_CLASSES = "spark.jsa"
CHECKSUMS = "checksums.json"
END_TIMEOUT = 10.0


def options() -> tuple[str, ...]:
    """What makes Java use the archive; nothing where none fits or what lies there is damaged.

    Java checks the beginning of the files only, and dies of one that is empty or torn.
    """
    archive = place()
    if not is_whole(archive):
        return ()
    return (f"-XX:SharedArchiveFile={archive / JAVA_CLASSES}{os.pathsep}{archive / SPARK_CLASSES}",)


def place() -> Path:
    """The folder of the archive that fits this environment's Java and jars, there or not."""
    release = JAVA.parents[1] / "release"
    jars = sorted(SPARK_JARS.parent.glob(SPARK_JARS.name))
    parts = [
        str(JAVA),
        release.read_text(encoding="utf-8") if release.exists() else "",
        COLLECTOR,
        *(f"{jar} {jar.stat().st_size} {jar.stat().st_mtime_ns}" for jar in jars),
    ]
    return FOLDER / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def is_whole(archive: Path) -> bool:
    """Whether the archive is there, and as it was written."""
    try:
        written = json.loads((archive / CHECKSUMS).read_text(encoding="utf-8"))
        return bool(written == checksums(archive))
    except (OSError, ValueError):
        return False


def checksums(archive: Path) -> dict[str, str]:
    """SHA-256 of each file of an archive.

    Raises:
        OSError: a file is missing or cannot be read.
    """
    sums = {}
    for name in (JAVA_CLASSES, SPARK_CLASSES):
        with (archive / name).open("rb") as file:
            sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def publish(draft: Path, archive: Path) -> None:
    """Put a finished archive into its place, and take away those of other Javas or jars.

    Raises:
        OSError: it cannot be put there.
    """
    sums = json.dumps(checksums(draft), indent=2)
    (draft / CHECKSUMS).write_text(f"{sums}\n", encoding="utf-8")
    shutil.rmtree(archive, ignore_errors=True)
    draft.rename(archive)
    for other in archive.parent.iterdir():
        if other.is_dir() and other != archive:
            shutil.rmtree(other, ignore_errors=True)


_builder: subprocess.Popen[bytes] | None = None


def build_in_background() -> None:
    """Build the archive in a process of its own, which ends with ours; once in a process's life.

    What it says goes to the folder of the archive; a folder that cannot be written is no error.
    """
    global _builder
    if _builder is not None:
        return
    with contextlib.suppress(OSError):
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "build.log").open("ab") as log:
            _builder = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "sandbox.class_archive_builder", str(FOLDER)],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own group: a terminal's Ctrl-C reaches only us, and we end it.
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        atexit.register(_end, _builder)


def _end(builder: subprocess.Popen[bytes]) -> None:
    """End a builder that is still at work: the next one begins anew."""
    builder.terminate()
    try:
        builder.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        builder.kill()
        builder.wait()
