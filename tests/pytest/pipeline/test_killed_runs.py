"""A server that is killed, or a disk that is full, leaves a lake that readers and runs can use.

Domain toy: whatever the domain, the runs are the same. Retail's whole weeks: test_killed_nights.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from killable import Killable, killable_lake, nights_for
from lakes import Lake
from toys import FACT, expect_whole_months, project_with_toy, write_whole_months

from shelfweek.domain import domain
from shelfweek.night import NightError

# One meets a full disk, three are killed at chosen moments.
NIGHTS = nights_for(date(2026, 7, 5), chosen_moments=4)
MONTHS = [f"2026-0{number}" for number in range(1, 7)]
DISK = 64 << 20
# Less than what one model's files take, blocks and checksums included.
LEFT_ON_DISK = 8 << 10


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small disk on a folder, where that is allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "shelfweek", str(folder)]
    is_mounted = not subprocess.run(command, capture_output=True).returncode  # noqa: S603
    try:
        yield
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607


@pytest.fixture(scope="module")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    """A lake of its own server, on a disk that can be filled, that holds the first night."""
    folder = tmp_path_factory.mktemp("killed")
    for night in NIGHTS:
        write_whole_months(folder / "landing", night, MONTHS)
    project = project_with_toy(folder / "project")
    toy = domain("toy", project)

    def expect_loaded(lake: Lake, nights: list[date]) -> None:
        expect_whole_months(lake, nights, MONTHS)

    with (
        small_disk(folder / "lake" / "toy" / "marts"),
        killable_lake(folder, NIGHTS[0], toy, FACT, expect_loaded, project) as killable,
    ):
        yield killable


def test_a_full_disk_changes_nothing_published(killable: Killable) -> None:
    marts = killable.lake.home / "marts"
    if not marts.is_mount():
        pytest.skip("a small disk cannot be mounted: only root may, where mount is allowed")
    night, before = killable.next_night(), killable.lake.contents()
    filler = marts / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(marts).free - LEFT_ON_DISK)
    with pytest.raises(NightError, match="No space left on device"):
        killable.lake.load(killable.landing, night)
    filler.unlink()
    assert killable.lake.contents() == before
    killable.load(night)


def test_a_kill_in_the_middle_of_the_fact_model_changes_nothing_published(
    killable: Killable,
) -> None:
    before = killable.lake.contents()
    home = killable.lake.home / "marts" / FACT
    known = set(home.iterdir())

    def fact_is_being_written(_model: str | None) -> bool:
        return any(
            (folder / "_temporary").exists() for folder in home.iterdir() if folder not in known
        )

    night = killable.next_night()
    assert killable.load_and_kill(night, fact_is_being_written)
    killable.restart()
    assert killable.lake.contents() == before
    killable.load(night)


@pytest.mark.parametrize("model", ["dim_meter", FACT])
def test_a_kill_in_the_middle_of_publishing_leaves_every_month_whole(
    killable: Killable, model: str
) -> None:
    killable.kill_while_publishing(model)


def test_kills_at_random_moments_lose_nothing(killable: Killable) -> None:
    """SHELFWEEK_KILLS says how many."""
    killable.kill_at_random_moments()
