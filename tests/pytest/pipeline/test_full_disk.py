"""A night that finds the disk full fails, changes nothing published, and can be run again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from dumps import night_tables, sale, stock
from lakes import Lake, assert_equals_reference_of
from reference.cases import write_dump

from sandbox import thrift_server
from shelfweek.engine import Engine
from shelfweek.night import DbtProject, NightError

FIRST, SECOND = date(2026, 1, 14), date(2026, 1, 15)
DISK = 64 << 20
# Less than what one model's file takes, blocks and checksums included.
LEFT = 8 << 10


@pytest.fixture
def marts_disk(tmp_path: Path) -> Iterator[Path]:
    """A lake's folder of published tables on a disk of its own."""
    folder = tmp_path / "lake" / "marts"
    folder.mkdir(parents=True)
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("there is no mount command")
    command = [mount, "-t", "tmpfs", "-o", f"size={DISK}", "shelfweek", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:  # noqa: S603
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)  # noqa: S603


def test_a_full_disk_changes_nothing_published(marts_disk: Path, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    for load_date, quantity in ((FIRST, "10"), (SECOND, "11")):
        write_dump(
            landing, load_date, night_tables([sale("01-12", "2", quantity)], [stock("01-12", "5")])
        )
    lake_folder = marts_disk.parent
    with thrift_server.running(lake_folder) as server:
        engine = Engine(port=server.port)
        lake = Lake(engine, lake_folder, DbtProject(engine, tmp_path / "dbt"))
        lake.load(landing, FIRST)
        before = lake.contents()
        filler = marts_disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(marts_disk).free - LEFT)
        with pytest.raises(NightError, match="No space left on device"):
            lake.load(landing, SECOND)
        assert lake.contents() == before
        filler.unlink()
        lake.load(landing, SECOND)
        assert_equals_reference_of(lake, landing, FIRST, SECOND)
