"""The raw tables of the nightly dump, read from the one place that defines them for dbt too."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cache

import yaml

from shelfweek.project import PROJECT

SOURCES = PROJECT / "models" / "staging" / "retail" / "_retail__sources.yml"

UTF_8 = "UTF-8"


@dataclass(frozen=True)
class RawTable:
    """How the files of a raw table look.

    Attributes:
        columns: names, lower case, in the contract's order.
        is_multi_line: whether texts may hold line ends.
        encoding: the files' encoding, by a name that Python and Java know.
    """

    name: str
    columns: tuple[str, ...]
    is_multi_line: bool
    encoding: str

    @property
    def codec(self) -> str:
        """Python's own name of the encoding."""
        return codecs.lookup(self.encoding).name


@cache
def raw_tables() -> dict[str, RawTable]:
    """Return the raw tables by name, in the contract's order."""
    sources = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    tables = next(source["tables"] for source in sources if source["name"] == "raw")
    return {table["name"]: _raw_table(table) for table in tables}


def _raw_table(table: dict) -> RawTable:  # type: ignore[type-arg]
    meta = table.get("config", {}).get("meta", {})
    return RawTable(
        name=table["name"],
        columns=tuple(column["name"] for column in table["columns"]),
        is_multi_line=meta.get("multi_line", False),
        encoding=meta.get("encoding", UTF_8),
    )


def raw_columns() -> dict[str, tuple[str, ...]]:
    """Return the columns of each raw table, lower case, in the contract's order."""
    return {name: table.columns for name, table in raw_tables().items()}
