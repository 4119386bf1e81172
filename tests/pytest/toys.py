"""Domain `toy`, which lives in tests/toy: the engine's second domain, and what its dumps hold."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from projects import copy_project

from shelfweek.project import PROJECT


def project_with_toy(folder: Path) -> Path:
    """Make a dbt project with retail and toy side by side."""
    copy_project(folder)
    shutil.copytree(PROJECT / "tests" / "toy", folder, dirs_exist_ok=True)
    return folder


HEADERS = {
    "meter": "METER_CODE;PLACE",
    "reading": "METER_CODE;PHASE;TARIFF;READ_ON;READ_AT;ENERGY;IS_ESTIMATED",
}


def write_toy_night(landing: Path, load_date: date, **files: list[str]) -> None:
    """Write a dump; files: the lines of `meter`, and of readings as e.g. `reading_202601`."""
    for name, lines in files.items():
        table, _, period = name.partition("_")
        folder = landing / table / f"load_date={load_date}"
        folder.mkdir(parents=True, exist_ok=True)
        end = f"_{period}" if period else ""
        file = folder / f"{table}_{load_date:%Y%m%d}{end}.csv"
        file.write_text("\n".join([HEADERS[table], *lines, ""]), encoding="utf-8")


def reading(
    day: str, energy: str, *, meter: str = "M-1", hour: int = 8, estimated: str = "0"
) -> str:
    """A line of a reading on a day of 2026."""
    return f"{meter};L1;night;2026-{day};2026-{day}T{hour:02d}:30;{energy};{estimated}"
