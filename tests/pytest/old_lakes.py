"""Lakes that an earlier release has made, packed, for the present one to go on with.

A packed lake holds its landing too. It is made once, by hand, in a clone that has the revision:

    PYTHONPATH=.:tests/pytest .venv/bin/python tests/pytest/old_lakes.py 617988b

The code of that revision loads the nights by its own `sandbox run`, as a user of it did.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from dumps import night_tables, sale, stock
from reference.cases import TextRow, write_dump

from shelfweek.project import PROJECT

PLACE = Path("/tmp/shelfweek-old-lake")  # noqa: S108
"""A catalog holds whole paths: a lake can be read only where it was made."""

NIGHTS = [date(2026, 1, 14), date(2026, 1, 16)]
"""The nights that a packed lake holds."""


def write_night(landing: Path, load_date: date, version: int) -> None:
    """A night of the last twenty days, whose amounts are others in each version."""
    days = [(load_date - timedelta(days=age)).isoformat() for age in range(1, 21)]
    sales: list[TextRow | str] = [
        sale(day, "2", str(10 + store + version), store=store, DISCOUNT="0.25")
        for day in days
        for store in (1, 2)
    ]
    inventory: list[TextRow | str] = [stock(day, str(version + 1)) for day in days[::3]]
    write_dump(landing, load_date, night_tables(sales, inventory, (1, 2)))


@contextlib.contextmanager
def unpacked(revision: str) -> Iterator[Path]:
    """The folder of a packed lake: `lake` and `landing`, for the length of a with block."""
    with _place_taken(), tarfile.open(_packed(revision)) as packed:
        packed.extractall(PLACE, filter="data")
        yield PLACE


@contextlib.contextmanager
def _place_taken() -> Iterator[None]:
    """Only one may be there at a time; what one that was killed has left goes first."""
    with PLACE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(PLACE)


def _packed(revision: str) -> Path:
    return PROJECT / "tests" / "old_lakes" / f"retail-{revision}.tar.xz"


def make(revision: str) -> None:
    """Let the code of a revision make a lake, and pack it."""
    with _place_taken():
        code = PLACE / "code"
        archive = ["git", "-C", str(PROJECT), "archive", "--format=tar", revision]
        with tarfile.open(fileobj=io.BytesIO(subprocess.check_output(archive))) as files:  # noqa: S603
            files.extractall(code, filter="data")
        for version, night in enumerate(NIGHTS):
            write_night(PLACE / "landing", night, version)
        run = [sys.executable, "-m", "sandbox", "run"]
        places = ["--landing", str(PLACE / "landing"), "--lake", str(PLACE / "lake")]
        subprocess.run([*run, *places], cwd=code, env={}, check=True)  # noqa: S603
        # Logs, and what dbt has compiled.
        shutil.rmtree(PLACE / "lake" / "run")
        with tarfile.open(_packed(revision), "w:xz", preset=9) as packed:
            for name in ("lake", "landing"):
                packed.add(PLACE / name, name)


if __name__ == "__main__":
    make(sys.argv[1])
