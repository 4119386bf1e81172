"""A rebuild: what is published is derived again from the rows that lie staged, without dumps."""

from __future__ import annotations

from datetime import date, timedelta

from shelfweek.domain import Domain
from shelfweek.lake import LakeError, loaded_nights
from shelfweek.night import DbtProject, Outcome, Progress, begin_run, publish
from shelfweek.registration import register_no_files

ALL = date.min
"""The first day of a rebuild of everything."""


def rebuild(
    project: DbtProject,
    domain: Domain,
    lake_uri: str,
    first_day: date = ALL,
    *,
    progress: Progress = lambda what, seconds: None,
) -> Outcome:
    """Derive a domain's weeks again, from the one that holds a day on, and publish them at once.

    Tables that hold what the newest dump brought, as the dimensions do, stay as they are: their
    rows are not staged.

    Raises:
        NightError: a model or a test failed; readers see what they saw before.
        LakeError: as register_rebuild.
    """

    def begin() -> Outcome:
        return Outcome(register_rebuild(project, domain, lake_uri, first_day), [])

    return publish(project, domain, lake_uri, begin, None, progress)


def register_rebuild(
    project: DbtProject, domain: Domain, lake_uri: str, first_day: date = ALL
) -> str:
    """Undo what an interrupted run has published, begin a rebuild, and return its run id.

    Raises:
        LakeError: no night is loaded, the day is after the newest business date, or a newer release
            has written the lake.
        NightError: the engine refuses it, or the lake cannot be written to.
    """
    nights = loaded_nights(project.engine, domain)
    if not nights:
        raise LakeError("no night is loaded yet: there is nothing to rebuild")
    newest = max(nights) - timedelta(days=1)
    if first_day > newest:
        raise LakeError(
            f"nothing can be rebuilt from {first_day} on: the newest business date is {newest}"
        )
    return begin_run(
        project,
        domain,
        lake_uri,
        "rebuild",
        lambda run_id, lake: register_no_files(domain, run_id=run_id, lake_uri=lake),
        rebuild_from=first_day,
    )
