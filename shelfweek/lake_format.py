"""Which release may work on a lake: a number that each run leaves beside the tables.

<lake>/format.json holds {"format": 1}. A lake without it is older than the number.
"""

from __future__ import annotations

import json
import posixpath

import fsspec

from shelfweek.lake import LakeError

FORMAT = 1
"""Raised when a release writes lakes that the one before it would spoil or misread."""

_NAME = "format.json"


def expect_known_format(lake_uri: str) -> None:
    """Make sure that no newer release has written the lake.

    Raises:
        LakeError: one has, or the lake or the number cannot be read.
    """
    if (found := _format_of(lake_uri)) > FORMAT:
        raise LakeError(
            f"the lake {lake_uri} has format {found}, and this release of shelfweek knows formats "
            f"up to {FORMAT}: update shelfweek, or load the nights into a new lake"
        )


def write_format(lake_uri: str) -> None:
    """Mark a lake as written by this release."""
    if _format_of(lake_uri) == FORMAT:
        return
    file_system, root = fsspec.core.url_to_fs(lake_uri)
    content = json.dumps({"format": FORMAT}) + "\n"
    file_system.pipe_file(posixpath.join(root, _NAME), content.encode())


def _format_of(lake_uri: str) -> int:
    """The lake's number; 0 without one."""
    try:
        file_system, root = fsspec.core.url_to_fs(lake_uri)
        text = file_system.cat_file(posixpath.join(root, _NAME)).decode(errors="replace")
    except FileNotFoundError:
        return 0
    # An unknown scheme is a ValueError.
    except (OSError, ImportError, ValueError) as error:
        raise LakeError(f"the lake {lake_uri} cannot be read: {error}") from error
    try:
        # A run that was killed while it wrote the file has left it empty.
        return int(json.loads(text)["format"]) if text.strip() else 0
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{lake_uri}/{_NAME} does not tell the lake's format: delete it if this release wrote "
            "the lake"
        ) from error
