"""What make installs is what was tested."""

from __future__ import annotations

import re

from shelfweek.project import PROJECT


def test_make_installs_one_version_of_uv() -> None:
    """Everything else comes from locks, which it reads."""
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^UV_VERSION := \d+\.\d+\.\d+$", text, re.MULTILINE)
    installed = re.findall(r"pip install .* (\S+)$", text, re.MULTILINE)
    assert installed == ["uv==$(UV_VERSION)"]
