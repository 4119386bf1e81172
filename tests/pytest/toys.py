"""Domain `toy`, which lives in tests/toy: the engine's second domain, and what its dumps hold."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from lakes import Lake
from projects import copy_project

from shelfweek.project import PROJECT

FACT = "fct_monthly_energy"

METERS = [f"M-{number}" for number in range(1, 6)]
"""Those of nights that restate whole months."""


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


def write_whole_months(
    landing: Path, night: date, months: Sequence[str], bad_rows: int = 0
) -> None:
    """Write a night that restates months like 2026-04 whole, each of two days, with other amounts.

    bad_rows: so many rows more, of the last month, whose energy is no number.
    """
    files = {
        f"reading_{month.replace('-', '')}": [
            reading(f"{month[5:]}-{day}", str(_energy(night, meter)), meter=meter)
            for meter in METERS
            for day in ("03", "17")
        ]
        for month in months
    }
    [*files.values()][-1].extend(
        reading(f"{months[-1][5:]}-03", "no number", hour=10 + number) for number in range(bad_rows)
    )
    write_toy_night(landing, night, meter=[f"{m};of {night}" for m in METERS], **files)


def expect_whole_months(lake: Lake, nights: Iterable[date], months: Sequence[str]) -> None:
    """Every published table holds what nights come to that have all restated these months."""
    nights = sorted(nights)
    contents = lake.contents()
    fact = [
        (row["meter_code"], str(row["month"])[:7], row["readings"], row["energy"])
        for row in contents[FACT]
    ]
    assert sorted(fact) == [
        (meter, month, 2, 2 * _energy(nights[-1], meter)) for meter in METERS for month in months
    ]
    meters = [(row["meter_code"], row["place"]) for row in contents["dim_meter"]]
    assert meters == [(meter, f"of {nights[-1]}") for meter in METERS]
    columns = ("load_date", "raw_table", "rows_read", "rows_accepted")
    counts = [tuple(row[column] for column in columns) for row in contents["load_row_counts"]]
    rows = {"meter": len(METERS), "reading": 2 * len(METERS) * len(months)}
    assert counts == [(night, table, n, n) for night in nights for table, n in rows.items()]
    assert not contents["rejected_rows"]


def _energy(night: date, meter: str) -> int:
    """What a meter reads on each of its days, in whole units."""
    return 100 * METERS.index(meter) + (night - date(2026, 1, 1)).days
