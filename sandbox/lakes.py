"""What a command asks of a lake before it reads it."""

from __future__ import annotations

from pathlib import Path

from shelfweek.domain import Domain
from shelfweek.engine import Engine
from shelfweek.lake import LakeError, loaded_nights
from shelfweek.lake_format import expect_own_lake
from shelfweek.make_command import make_command


def expect_lake(lake: Path, domain: Domain) -> None:
    """Make sure that a lake lies in the folder and that this release can read it.

    Raises:
        LakeError: there is none, or a newer release has written it.
    """
    if not (lake / "metastore").exists():
        raise LakeError(f"there is no lake in {lake}: {_run(lake, domain)} makes one")
    expect_own_lake(f"file:{lake}")


def expect_published(engine: Engine, lake: Path, domain: Domain) -> None:
    """Make sure that there is something of a domain to read.

    Raises:
        LakeError: no night is published.
    """
    if not loaded_nights(engine, domain):
        raise LakeError(
            f"no night is published to {lake} yet: if a run is at work on it, wait for its end; "
            f"otherwise {_run(lake, domain)} loads one"
        )


def has_tables(engine: Engine, domain: Domain) -> bool:
    """Whether a run of the domain has begun on the lake: its tables are there, if empty."""
    return bool(engine.query(f"show schemas like '{engine.schema(domain.name, 'marts')}'"))


def _run(lake: Path, domain: Domain) -> str:
    return make_command("run", domain=domain.name, LAKE=str(lake))
