"""The raw tables of the nightly dump, read from the one place that defines them for dbt too."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = PROJECT / "models" / "staging" / "retail" / "_retail__sources.yml"


@cache
def raw_columns() -> dict[str, tuple[str, ...]]:
    """Return the columns of each raw table, lower case, in the contract's order."""
    sources = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    tables = next(source["tables"] for source in sources if source["name"] == "raw")
    return {table["name"]: tuple(c["name"] for c in table["columns"]) for table in tables}
