"""Commands for a person to paste into a shell."""

from __future__ import annotations

import re
import shlex

DEFAULT_DOMAIN = "retail"
"""The domain of a command without DOMAIN=."""


def make_command(target: str, *, domain: str = DEFAULT_DOMAIN, **variables: str) -> str:
    """Return `make <target> NAME=value ...`, so that each value arrives as it is.

    make expands $ in values, and the shell splits them and expands more.
    """
    if domain != DEFAULT_DOMAIN:
        variables["DOMAIN"] = domain
    return " ".join(["make", target, *(_assignment(*pair) for pair in variables.items())])


def _assignment(name: str, value: str) -> str:
    escaped = value.replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./-]+", escaped):
        return f"{name}={escaped}"
    # Easier to read than shlex's, where SQL has single quotes.
    if not set(escaped) & set('"$`\\!'):
        return f'{name}="{escaped}"'
    return f"{name}={shlex.quote(escaped)}"
