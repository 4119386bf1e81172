"""A lake whose server the tests kill, and what readers and later runs must find there then."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from lakes import Contents, Lake

from sandbox import thrift_server
from sandbox.thrift_server import ThriftServer
from shelfweek.domain import Domain
from shelfweek.engine import Engine, Row
from shelfweek.night import DbtProject
from shelfweek.project import PROJECT

KILLS = int(os.environ.get("SHELFWEEK_KILLS", "1"))
"""How many come at random moments."""


def nights_for(first: date, chosen_moments: int) -> list[date]:
    """Nights for the first load, for the kills at so many chosen moments, and for the random ones.

    Each kill has a night of its own, so that there is always something to change.
    """
    return [first + timedelta(days=number) for number in range(1 + chosen_moments + KILLS)]


@dataclass
class Killable:
    """A lake whose server can be killed and started again.

    Attributes:
        fact: the table that a kill must not tear, column: by which it is partitioned.
        expect_loaded: fails unless the lake holds these nights of its landing, and these alone.
        seconds: that the first night took.
    """

    landing: Path
    server: ThriftServer
    lake: Lake
    fact: str
    column: str
    expect_loaded: Callable[[Lake, list[date]], None]
    seconds: float = 0.0

    def kill(self) -> None:
        """Kill the server as `kill -9` does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.server.pid, signal.SIGKILL)

    def restart(self) -> None:
        """Start the server of the same lake again."""
        self.server.stop()
        self.server = thrift_server.start(self.lake.folder)
        # The port is another one; what dbt has parsed still holds.
        engine = Engine(port=self.server.port)
        self.lake.engine = self.lake.project.engine = engine

    def loaded(self) -> list[date]:
        """The nights that the lake holds."""
        return sorted({row["load_date"] for row in self.lake.rows("load_row_counts")})

    def next_night(self) -> date:
        """The night after those."""
        return max(self.loaded()) + timedelta(days=1)

    def load(self, night: date) -> None:
        """Load a night to its end; the lake then holds it and those before."""
        nights = sorted({*self.loaded(), night})
        self.lake.load(self.landing, night)
        self.expect_loaded(self.lake, nights)

    def load_and_kill(self, night: date, is_moment: Callable[[str | None], bool]) -> bool:
        """Load a night and kill the server at a moment; tell whether the night failed of it.

        is_moment: asked over and over with None, and after each model with its name.
        """
        ended, killed = threading.Event(), threading.Event()

        def watch() -> None:
            while not ended.is_set():
                if is_moment(None):
                    killed.set()
                    self.kill()
                    return
                time.sleep(0.005)

        def after(what: str, _seconds: float) -> None:
            if is_moment(what):
                killed.set()
                self.kill()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.lake.load(self.landing, night, progress=after)
        except Exception:  # Whatever the client makes of a server that is gone.
            if not killed.is_set():
                raise
            return True
        finally:
            ended.set()
            watcher.join()
        return False

    def kill_while_publishing(self, model: str) -> None:
        """Kill as soon as one table is published, while others are on their way."""
        night, before = self.next_night(), self.lake.contents()
        assert self.load_and_kill(night, lambda done: done == model)
        self.restart()
        seen = self.lake.contents()
        self.load(night)
        after = self.lake.contents()
        self.expect_every_partition_whole(seen, before, after)
        for table, rows in seen.items():
            assert table == self.fact or rows in (before[table], after[table]), table

    def kill_at_random_moments(self) -> None:
        """As often as KILLS says; the moments are others in each run."""
        seed = random.randrange(10**6)  # noqa: S311
        print(f"moments of seed {seed}")
        dice = random.Random(seed)  # noqa: S311
        for _ in range(KILLS):
            night, before = self.next_night(), self.lake.contents()
            moment = time.monotonic() + dice.uniform(0, self.seconds)
            self.load_and_kill(night, lambda _model, at=moment: time.monotonic() > at)  # type: ignore[misc]
            self.restart()
            seen = self.lake.contents()
            self.load(night)
            self.expect_every_partition_whole(seen, before, self.lake.contents())

    def expect_every_partition_whole(
        self, seen: Contents, before: Contents, after: Contents
    ) -> None:
        """Every partition of the fact is as before the run or as after it."""
        was, found, is_now = (self._partitions(contents) for contents in (before, seen, after))
        assert was != is_now
        for day in was.keys() | found.keys() | is_now.keys():
            assert found.get(day) in (was.get(day), is_now.get(day)), day

    def _partitions(self, contents: Contents) -> dict[object, list[Row]]:
        found: dict[object, list[Row]] = {}
        for row in contents[self.fact]:
            found.setdefault(row[self.column], []).append(row)
        return found


@contextlib.contextmanager
def killable_lake(
    folder: Path,
    first: date,
    domain: Domain,
    fact: str,
    expect_loaded: Callable[[Lake, list[date]], None],
    project: Path = PROJECT,
) -> Iterator[Killable]:
    """A lake of its own server into which a first night is loaded.

    folder: has the landing; the lake will lie beside it.
    project: the dbt project, which has the domain.
    """
    server = thrift_server.start(folder / "lake")
    engine = Engine(port=server.port)
    dbt = DbtProject(engine, folder / "dbt", folder=project)
    lake = Lake(engine, folder / "lake", dbt, domain)
    column = domain.published_tables[fact]
    assert column is not None
    killable = Killable(folder / "landing", server, lake, fact, column, expect_loaded)
    try:
        began = time.monotonic()
        lake.load(killable.landing, first)
        killable.seconds = time.monotonic() - began
        yield killable
    finally:
        killable.server.stop()
