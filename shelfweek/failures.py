"""What a mail may say of a failure: mails leave the account, and rows must not leave with them."""

from __future__ import annotations

import re

LENGTH = 300
"""Characters of a reason; what is longer is no message for a person."""

# From the first mark to the last, or to the end: a value may hold marks and line ends itself.
_QUOTED = re.compile(r"""(?<!\w)'(?:.*'|.*)|"(?:.*"|.*)|\[(?![A-Z_.]+\])(?:.*\]|.*)""")
_NUMBER = re.compile(r"(?<![\w/.:=-])[-+]?\d(?:[\d.,:eE+-]*\d)?(?![\w/=])")


class WithoutRowsError(Exception):
    """An error whose message cannot hold values of rows, and is told whole."""


def without_values(failure: object) -> str:
    """Class and first line of an exception, with `...` where values may stand.

    Values are what stands in quotes or brackets, and numbers and dates by themselves; names of
    files and of Spark's error classes stay. A WithoutRowsError stays whole.
    """
    if isinstance(failure, WithoutRowsError):
        return str(failure)
    kind = f"{type(failure).__name__}: " if isinstance(failure, BaseException) else ""
    first_line = next(iter(str(failure).strip().splitlines()), "")
    text = _NUMBER.sub("...", _QUOTED.sub("...", first_line))
    return f"{kind}{text[:LENGTH]}"
