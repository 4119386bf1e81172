"""Places that a person names on a command line: this machine's folders and files.

Each function is a type for argparse. What a command cannot reach is refused with the command that
can; otherwise an address such as s3://bucket/lake would become a folder of that name.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

# s3://bucket, s3:/bucket, and fsspec's chains such as simplecache::s3://bucket.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(:/|::)")


def lake(text: str) -> Path:
    """The folder of a lake."""
    return _local(
        text,
        "is not on this machine, where a lake is a folder: the DAG of the night writes lakes on "
        "S3 (docs/orchestration.md), and Athena reads them (docs/serving.md)",
    )


def landing(text: str) -> Path:
    """The folder of nightly dumps that make run reads."""
    return _local(
        text,
        "is not on this machine: copy the dumps to a folder (aws s3 sync s3://bucket/landing "
        "FOLDER) and name that, or let the DAG of the night read them (docs/orchestration.md)",
    )


def output(text: str) -> Path:
    """The folder that a command writes to."""
    return _local(
        text,
        "is not on this machine: name a folder, then copy it (aws s3 sync FOLDER s3://bucket/path)",
    )


def input_file(text: str) -> Path:
    """A file that a command reads."""
    return _local(
        text,
        "is not on this machine: copy the file here first (aws s3 cp s3://bucket/file FILE)",
    )


def _local(text: str, refusal: str) -> Path:
    """The path of a local place; a file: URI names one, too.

    Raises:
        argparse.ArgumentTypeError: it is elsewhere.
    """
    address = _ADDRESS.match(text)
    if address and address[1].lower() == "file" and address[2] == ":/":
        uri = urlsplit(text)
        if uri.netloc in ("", "localhost"):
            return Path(unquote(uri.path))
    if address:
        raise argparse.ArgumentTypeError(f"{text} {refusal}")
    return Path(text).expanduser().absolute()
