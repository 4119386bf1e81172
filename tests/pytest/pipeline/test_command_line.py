"""The commands as a person types them: exit codes, messages, and no Java left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import psutil
import pytest
from dumps import LOAD_DATE, WORKED_SALES, WORKED_STOCK, night_tables, sale
from lakes import FACT
from reference.cases import write_dump
from reference.contract import SALES

from sandbox.run import LAST_LAKE
from shelfweek.project import PROJECT

NEXT_LOAD_DATE = date(2026, 1, 15)


@pytest.fixture(autouse=True)
def last_lake() -> Iterator[None]:
    """Leave the note of the lake that was used last as it was."""
    before = LAST_LAKE.read_bytes() if LAST_LAKE.exists() else None
    yield
    if before is None:
        LAST_LAKE.unlink(missing_ok=True)
    else:
        LAST_LAKE.write_bytes(before)


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start `python -m sandbox` in a process group of its own, as a shell does."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "sandbox", *map(str, arguments)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 300) -> tuple[int, str]:
    """Exit code and all that a process printed."""
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, " ".join((output + errors).split())


def javas_of(lake: Path) -> list[int]:
    """Java processes that name this lake in their command line."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command and command[0].endswith("java") and any(str(lake) in x for x in command):
                found.append(process.pid)
    return found


def make(*arguments: str) -> subprocess.Popen[str]:
    """Start `make`, with the environment taken for up to date."""
    return subprocess.Popen(  # noqa: S603
        ["make", "-o", ".venv/.run", *arguments],  # noqa: S607
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stores_and_amounts(folder: Path) -> list[tuple[int, int]]:
    """What the fact's files in a folder say."""
    files = str(folder / "*.parquet").replace("'", "''")
    return duckdb.execute(f"select store_key, total_sales_amt from '{files}'").fetchall()


def test_a_landing_that_is_not_there_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    code, text = ended(start("run", "--lake", tmp_path / "lake", "--landing", tmp_path / "none"))
    assert code == 1
    assert text.startswith("error: there is no landing folder")
    assert "Traceback" not in text


def test_a_command_on_a_lake_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    code, text = ended(start("sql", "--lake", tmp_path / "lake", "select 1"))
    assert code == 1
    assert "error: there is no lake in" in text
    assert "Traceback" not in text


def test_an_interrupted_run_leaves_no_java_and_the_next_one_loads_the_night(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a night; then make run, with signs in both paths that shells mind.

    The landing's second night lacks a column: its message names the table and the column, and
    the first night stays published. At the same time another run fills another lake, which has
    nothing to do with it.
    """
    landing, lake = tmp_path / "my landing's $HOME", tmp_path / "my lake"
    write_dump(landing, LOAD_DATE, night_tables(WORKED_SALES, WORKED_STOCK))
    without = [name for name in SALES.columns if name != "SALES_AMT"]
    write_dump(landing, NEXT_LOAD_DATE, night_tables(), header_order={"sales": without})

    process = start("run", "--lake", lake, "--landing", landing)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "base_retail__run" in line:
                break
        assert javas_of(lake)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        code, text = ended(process)
    finally:
        process.kill()
    assert code == 130
    assert time.monotonic() - began < 30
    assert "Stopped. Readers see whole weeks only; the next make run finishes the night." in text
    assert "Traceback" not in text
    assert not javas_of(lake)

    other_landing, other_lake = tmp_path / "other landing", tmp_path / "other lake"
    write_dump(other_landing, LOAD_DATE, night_tables([sale("01-05", "1", "7", store=2)]))
    other = start("run", "--lake", other_lake, "--landing", other_landing)
    code, text = ended(make("run", f"LANDING={landing}".replace("$", "$$"), f"LAKE={lake}"))
    assert code == 2
    assert "sales_20260115.csv of table sales lacks columns SALES_AMT" in text
    assert "Traceback" not in text
    assert not javas_of(lake)
    code, text = ended(other)
    assert code == 0, text
    # All of a lake lies in its folder, also where a path has a space.
    assert stores_and_amounts(other_lake / "retail" / "marts" / FACT / "*" / "*") == [(2, 7)]

    out = tmp_path / "my export"
    code, text = ended(make("export", f"LAKE={lake}", f"TO={out}"))
    assert code == 0, text
    assert stores_and_amounts(out / FACT) == [(1, 83)]
    assert not javas_of(lake)
