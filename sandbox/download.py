"""Files that are fetched once and must be the ones that were pinned."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path

SECONDS = 60.0
CHUNK = 1 << 20


class DownloadError(RuntimeError):
    """A file cannot be fetched, or is not the one that is expected; the text names it."""


def download(url: str, checksum: str, target: Path) -> None:
    """Fetch a file; it is in its place whole and checked, or not at all.

    checksum: SHA-256 in hexadecimal.

    Raises:
        DownloadError: it cannot be fetched, or has another checksum.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with (
            urllib.request.urlopen(url, timeout=SECONDS) as response,  # noqa: S310 (our own URLs)
            draft.open("wb") as file,
        ):
            while chunk := response.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if (found := digest.hexdigest()) != checksum:
            raise DownloadError(f"{url} has the SHA-256 {found}, not {checksum}")
        draft.replace(target)
    except OSError as error:
        raise DownloadError(f"{url} cannot be fetched: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
