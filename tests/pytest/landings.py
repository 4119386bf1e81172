"""A whole night in a local landing, for tests to put other files beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from domains import RETAIL
from dumps import LOAD_DATE, night_tables, sale, stock
from reference.cases import trailing_window, write_dump

from shelfweek.landing import Landing, LandingError, Night

DAY = f"{LOAD_DATE:%Y%m%d}"
SALES = f"sales/load_date={LOAD_DATE}/sales_{DAY}.csv"
MANIFEST = f"manifest/load_date={LOAD_DATE}/manifest_{DAY}.json"


def written(folder: Path, *, manifest: bool, flat: bool = False, day: date = LOAD_DATE) -> Path:
    """A whole night."""
    tables = night_tables([sale("01-05", "1", "2")], [stock("01-05", "3")])
    covers = trailing_window(day) if manifest else None
    write_dump(folder, day, tables, manifest=covers, flat=flat)
    return folder


def put(folder: Path, path: str, content: bytes | None = None) -> Path:
    """Put a file there, a copy of the sales unless told otherwise."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((folder / SALES).read_bytes() if content is None else content)
    return target


def opened(folder: Path, load_date: date = LOAD_DATE) -> Night:
    """The night, as a run opens it."""
    return Landing.scan(str(folder), RETAIL).open_night(load_date)


def fault(folder: Path, load_date: date = LOAD_DATE) -> str:
    """What is wrong with the night."""
    with pytest.raises(LandingError) as caught:
        opened(folder, load_date)
    return str(caught.value)


def paths(night: Night, folder: Path) -> list[str]:
    """Where the night's files lie."""
    return [Path(file.path).relative_to(folder).as_posix() for file in night.files]
