"""Which release may work on a lake, and where: what each run leaves beside the tables.

<lake>/format.json holds {"format": 1, "lake": "file:/home/me/lake"}; an older lake has no place in
it, or no such file. The catalog holds whole paths, so a lake that was moved would be read and
written where it lay before, and a copy would spoil its original.
"""

from __future__ import annotations

import json
import os
import posixpath
import shlex
from pathlib import Path
from typing import Any

import fsspec

from shelfweek.lake import LakeError
from shelfweek.places import canonical_location

FORMAT = 1
"""Raised when a release writes lakes that the one before it would spoil or misread."""

_NAME = "format.json"
_LOCAL = "file:"


def expect_own_lake(lake_uri: str) -> None:
    """Make sure that no newer release has written the lake, and that it lies where it was made.

    Raises:
        LakeError: one has, it does not, or the lake or its mark cannot be read.
    """
    number, place = _mark_of(lake_uri)
    if number > FORMAT:
        raise LakeError(
            f"the lake {lake_uri} has format {number}, and this release of shelfweek knows formats "
            f"up to {FORMAT}: update shelfweek, or load the nights into a new lake"
        )
    if place not in (None, _place_of(lake_uri)):
        raise LakeError(_moved(_place_of(lake_uri), str(place)))


def mark_lake(lake_uri: str) -> None:
    """Mark a lake as written by this release, in its place."""
    mark = {"format": FORMAT, "lake": _place_of(lake_uri)}
    if _mark_of(lake_uri) == tuple(mark.values()):
        return
    file_system, root = fsspec.core.url_to_fs(lake_uri)
    file_system.pipe_file(posixpath.join(root, _NAME), f"{json.dumps(mark)}\n".encode())


def _mark_of(lake_uri: str) -> tuple[int, str | None]:
    """The lake's number, 0 without one, and the place where it was made, if that is known."""
    try:
        file_system, root = fsspec.core.url_to_fs(lake_uri)
        text = file_system.cat_file(posixpath.join(root, _NAME)).decode(errors="replace")
    except FileNotFoundError:
        return 0, None
    # An unknown scheme is a ValueError.
    except (OSError, ImportError, ValueError) as error:
        raise LakeError(f"the lake {lake_uri} cannot be read: {error}") from error
    try:
        # A run that was killed while it wrote the file has left it empty.
        mark: dict[str, Any] = json.loads(text) if text.strip() else {"format": 0}
        return int(mark["format"]), mark.get("lake")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{lake_uri}/{_NAME} does not tell the lake's format: delete it if this release wrote "
            "the lake"
        ) from error


def _place_of(lake_uri: str) -> str:
    """A lake's URI in the one form; links on the way to a local folder are followed."""
    location = canonical_location(lake_uri)
    if location.startswith(_LOCAL):
        return _LOCAL + os.path.realpath(location.removeprefix(_LOCAL))
    return location


def _moved(here: str, place: str) -> str:
    """What is wrong with a lake that lies elsewhere than it was made, and what to do."""
    now, before = here.removeprefix(_LOCAL), place.removeprefix(_LOCAL)
    if place.startswith(_LOCAL) and not Path(before).exists():
        mended = f"`mv {shlex.quote(now)} {shlex.quote(before)}` brings it back"
    else:
        mended = "if this is a copy, use that one"
    return (
        f"the lake in {now} was made in {before}, where its catalog still points: {mended}; "
        "to have it here, load its nights into a new lake"
    )
