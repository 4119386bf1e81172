"""Texts from files and tables, safe for a terminal."""

from __future__ import annotations

import unicodedata

# Controls, and what changes how the signs around it are shown.
_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    """Return the text in one line, with a backslash code for each sign that a screen would obey."""
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in _UNSHOWN else sign
        for sign in text
    )


def printable_lines(text: str) -> str:
    """As printable, but line ends stay."""
    return "\n".join(printable(line) for line in text.split("\n"))
