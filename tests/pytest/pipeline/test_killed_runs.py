"""A server that is killed, or a disk that is full, leaves a lake that readers and runs can use."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from dumps import night_tables, sale, stock
from lakes import FACT, Lake, assert_equals_reference_of
from reference.cases import TextRow, calendar_rows, write_dump

from sandbox import thrift_server
from sandbox.thrift_server import ThriftServer
from shelfweek.engine import Engine, Row
from shelfweek.night import DbtProject, NightError

KILLS = int(os.environ.get("SHELFWEEK_KILLS", "1"))
# One is there at first, one meets a full disk, three are killed at chosen moments, the others at
# random ones.
NIGHTS = [date(2026, 1, 14) + timedelta(days=number) for number in range(5 + KILLS)]
STORES = range(1, 6)
DISK = 64 << 20
# Less than what one model's file takes, blocks and checksums included.
LEFT_ON_DISK = 8 << 10

Contents = dict[str, list[Row]]


@dataclass
class Killable:
    """A lake whose server can be killed and started again, on a disk that can be filled."""

    folder: Path
    landing: Path
    server: ThriftServer
    lake: Lake

    def kill(self) -> None:
        """Kill the server as `kill -9` does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.server.pid, signal.SIGKILL)

    def restart(self) -> None:
        """Start the server of the same lake again."""
        self.server.stop()
        self.server = thrift_server.start(self.folder)
        # The port is another one; what dbt has parsed still holds.
        engine = Engine(port=self.server.port)
        self.lake.engine = self.lake.project.engine = engine

    def load_and_kill(self, night: date, is_moment: Callable[[str | None], bool]) -> bool:
        """Load a night and kill the server at a moment; tell whether the night failed of it.

        is_moment: asked over and over with None, and after each model with its name.
        """
        ended = threading.Event()

        def watch() -> None:
            while not ended.is_set():
                if is_moment(None):
                    self.kill()
                    return
                time.sleep(0.005)

        def after(what: str, _seconds: float) -> None:
            if is_moment(what):
                self.kill()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.lake.load(self.landing, night, progress=after)
        except Exception:  # Whatever the client makes of a server that is gone.
            return True
        finally:
            ended.set()
            watcher.join()
        return False


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
    """A lake of its own server that holds the first night."""
    folder = tmp_path_factory.mktemp("killed")
    for version, night in enumerate(NIGHTS):
        _write(folder / "landing", night, version)
    with small_disk(folder / "lake" / "retail" / "marts"):
        server = thrift_server.start(folder / "lake")
        engine = Engine(port=server.port)
        lake = Lake(engine, folder / "lake", DbtProject(engine, folder / "dbt"))
        killable = Killable(folder / "lake", folder / "landing", server, lake)
        try:
            lake.load(killable.landing, NIGHTS[0])
            yield killable
        finally:
            killable.server.stop()


def _write(landing: Path, load_date: date, version: int) -> None:
    """A night that restates every one of the last twenty days."""
    days = [(load_date - timedelta(days=age)).isoformat() for age in range(1, 21)]
    sales: list[TextRow | str] = [
        sale(day, "2", str(10 + store + version), store=store) for day in days for store in STORES
    ]
    inventory: list[TextRow | str] = [
        stock(day, str(version + 1), store=store) for day in days for store in STORES
    ]
    tables = night_tables(sales, inventory, STORES)
    tables["calendar"] = [*calendar_rows(date(2025, 11, 30), date(2026, 4, 4))]
    write_dump(landing, load_date, tables)


def weeks(contents: Contents) -> dict[date, list[Row]]:
    """The fact's rows by week."""
    found: dict[date, list[Row]] = {}
    for row in contents[FACT]:
        found.setdefault(row["week_end_date"], []).append(row)
    return found


def assert_every_week_is_whole(seen: Contents, before: Contents, after: Contents) -> None:
    """Every week is as before the run or as after it."""
    was, found, is_now = weeks(before), weeks(seen), weeks(after)
    for week in was.keys() | found.keys() | is_now.keys():
        assert found.get(week) in (was.get(week), is_now.get(week)), week


def test_a_full_disk_changes_nothing_published(killable: Killable) -> None:
    marts = killable.lake.home / "marts"
    if not marts.is_mount():
        pytest.skip("a small disk cannot be mounted: only root may, where mount is allowed")
    before = killable.lake.contents()
    filler = marts / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(marts).free - LEFT_ON_DISK)
    with pytest.raises(NightError, match="No space left on device"):
        killable.lake.load(killable.landing, NIGHTS[1])
    filler.unlink()
    assert killable.lake.contents() == before
    killable.lake.load(killable.landing, NIGHTS[1])
    assert_equals_reference_of(killable.lake, killable.landing, *NIGHTS[:2])


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

    loaded = sorted(_loaded(killable))
    night = max(loaded) + timedelta(days=1)
    assert killable.load_and_kill(night, fact_is_being_written)
    killable.restart()
    assert killable.lake.contents() == before
    killable.lake.load(killable.landing, night)
    assert_equals_reference_of(killable.lake, killable.landing, *loaded, night)


@pytest.mark.parametrize("model", ["dim_store", FACT])
def test_a_kill_in_the_middle_of_publishing_leaves_every_week_whole(
    killable: Killable, model: str
) -> None:
    """The kill comes as soon as one table is published, while others are on their way."""
    loaded = sorted(_loaded(killable))
    night = max(loaded) + timedelta(days=1)
    before = killable.lake.contents()
    assert killable.load_and_kill(night, lambda done: done == model)
    killable.restart()
    seen = killable.lake.contents()
    killable.lake.load(killable.landing, night)
    after = killable.lake.contents()
    assert_every_week_is_whole(seen, before, after)
    for table, rows in seen.items():
        assert table == FACT or rows in (before[table], after[table]), table
    assert_equals_reference_of(killable.lake, killable.landing, *loaded, night)


def test_kills_at_random_moments_lose_nothing(killable: Killable) -> None:
    """SHELFWEEK_KILLS says how many; the moments are others in each run."""
    seed = random.randrange(10**6)  # noqa: S311
    print(f"moments of seed {seed}")
    dice = random.Random(seed)  # noqa: S311
    loaded = sorted(_loaded(killable))
    seconds = 30.0
    # On another night each time, so that there is always something to change.
    first = max(loaded) + timedelta(days=1)
    for night in [first + timedelta(days=number) for number in range(KILLS)]:
        before = killable.lake.contents()
        moment = time.monotonic() + dice.uniform(0, seconds)
        killable.load_and_kill(night, lambda _model, at=moment: time.monotonic() > at)  # type: ignore[misc]
        killable.restart()
        seen = killable.lake.contents()
        began = time.monotonic()
        killable.lake.load(killable.landing, night)
        seconds = time.monotonic() - began
        assert_every_week_is_whole(seen, before, killable.lake.contents())
        loaded = sorted({*loaded, night})
        assert_equals_reference_of(killable.lake, killable.landing, *loaded)


def _loaded(killable: Killable) -> set[date]:
    return {row["load_date"] for row in killable.lake.rows("load_row_counts")}
