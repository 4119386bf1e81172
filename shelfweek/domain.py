"""What the machinery knows of a domain: the tables that its own folders declare, for dbt too."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from shelfweek.manifest import BusinessDates
from shelfweek.periods import PERIODS
from shelfweek.project import PROJECT

UTF_8 = "UTF-8"

# What the views over a dump's files have beside the table's columns: macros/loading/.
_NAMES_OF_THE_ENGINE = {
    *("load_date", "file_name", "block_start", "line_number", "line_count", "text_hash", "raw_row"),
    *("row_id", "row_hash", "row_reject_reason", "date_reject_reason", "reject_column"),
    "_corrupt_record",
}


class DomainError(Exception):
    """There is no such domain, or its declarations lack something; the message says which."""


@dataclass(frozen=True)
class RawTable:
    """How the files of a raw table look.

    Attributes:
        columns: names, lower case, in the contract's order.
        is_multi_line: whether texts may hold line ends.
        encoding: the files' encoding, by a name that Python and Java know.
        business_date: the column by which a dump holds some dates only; None: it holds all rows.
        declared_in: the project's file that says all this.
        delimiter: the sign between two fields.
        period: what each file covers and its name ends in, `month` or `year`; None: what its
            manifest says.
    """

    name: str
    columns: tuple[str, ...]
    is_multi_line: bool
    encoding: str
    business_date: str | None
    declared_in: str
    delimiter: str = ","
    period: str | None = None

    @property
    def codec(self) -> str:
        """Python's own name of the encoding."""
        return codecs.lookup(self.encoding).name


@dataclass(frozen=True)
class Domain:
    """A domain.

    Attributes:
        raw_tables: those of its dumps by name, in the order in which people are told of them.
        published_tables: those that readers see, each with its partition column, if it has one.
        folders: of its models and data tests, within the project.
    """

    name: str
    raw_tables: Mapping[str, RawTable]
    published_tables: Mapping[str, str | None]
    folders: tuple[str, ...] = ()

    @property
    def business_dates(self) -> BusinessDates:
        """The raw tables, as a manifest is read by them."""
        return {name: table.business_date for name, table in self.raw_tables.items()}

    def folder_in(self, lake: str) -> str:
        """The domain's folder in a lake, each a path or URI."""
        return f"{lake}/{self.name}"

    @property
    def selectors(self) -> list[str]:
        """What dbt selects of the project: the domain's models and their tests."""
        return [f"path:{folder}" for folder in self.folders]


@cache
def domain(name: str, project: Path = PROJECT) -> Domain:
    """Return the domain of a name.

    Raises:
        DomainError: there is none of this name, or a declaration lacks something.
    """
    folders = (path for path in (project / "models" / "staging").iterdir() if path.is_dir())
    if name not in (known := sorted(folder.name for folder in folders)):
        raise DomainError(f"there is no domain {name!r}; there are: {', '.join(known)}")
    return Domain(
        name=name,
        raw_tables=MappingProxyType(_raw_tables(project, name)),
        published_tables=MappingProxyType(_published_tables(project, name)),
        folders=tuple(
            sorted(
                str(folder.relative_to(project))
                for layers in ("models", "tests/dbt")
                for folder in (project / layers).glob(f"*/{name}")
            )
        ),
    )


def _raw_tables(project: Path, name: str) -> dict[str, RawTable]:
    file = f"models/staging/{name}/_{name}__sources.yml"
    sources = {source.name: source for source in _read(project, file).parts("sources", "source")}
    if (raw := f"{name}_raw") not in sources:
        raise DomainError(f"{file} declares no source named {raw}")
    return {table.name: _raw_table(table, file) for table in sources[raw].parts("tables", "table")}


def _raw_table(table: _Part, file: str) -> RawTable:
    if taken := sorted(_NAMES_OF_THE_ENGINE.intersection(table.columns)):
        raise DomainError(f"{table.where}: the engine has a column {taken[0]} of its own")
    if not any(column.setting("meta", "key") for column in table.parts("columns", "column")):
        raise DomainError(f"{table.where}: no column has `key: true` in its meta")
    _expect_decimal_sign(table)
    _expect_types(table)
    return RawTable(
        name=table.name,
        columns=table.columns,
        is_multi_line=table.setting("meta", "multi_line") or False,
        encoding=_encoding(table),
        business_date=table.column("meta", "business_date"),
        declared_in=file,
        delimiter=_delimiter(table),
        period=_period(table),
    )


def _published_tables(project: Path, name: str) -> dict[str, str | None]:
    folder = f"models/marts/{name}"
    files = sorted(path.name for path in (project / folder).glob("*.yml"))
    if not files:
        raise DomainError(f"{folder} has no YAML file that declares a published table")
    return {
        # The table of a model, as generate_alias_name in macros/lake.sql names it.
        model.name.removeprefix(f"{name}__"): model.column("partition_by")
        for file in files
        for model in _read(project, f"{folder}/{file}").parts("models", "model")
    }


def _encoding(table: _Part) -> str:
    encoding = table.setting("meta", "encoding") or UTF_8
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise DomainError(f"{table.where}: there is no encoding {encoding!r}") from error
    return str(encoding)


def _delimiter(table: _Part) -> str:
    delimiter = table.setting("meta", "delimiter") or ","
    # A row of nothing but tabs or blanks would be a blank line, and lost.
    if not isinstance(delimiter, str) or not re.fullmatch(r'[^"\s]', delimiter):
        raise DomainError(
            f"{table.where}: `delimiter` is {delimiter!r}, one visible sign is expected"
        )
    return delimiter


def _expect_decimal_sign(table: _Part) -> None:
    """Raises DomainError: dbt, which reads it too, would make nonsense of it."""
    sign = table.setting("meta", "decimal_sign")
    if sign not in (None, ".", ","):
        raise DomainError(f"{table.where}: `decimal_sign` is {sign!r}, . or , is expected")


def _expect_types(table: _Part) -> None:
    """Raises DomainError: a column cannot be what it is declared to be."""
    business_date = table.column("meta", "business_date")
    for column in table.parts("columns", "column"):
        data_type = column.content.get("data_type", "string")
        if column.name == business_date and data_type != "date":
            raise DomainError(f"{column.where}: a business date is a date, not {data_type}")
        if column.setting("meta", "control_total") and not re.match("decimal|(big)?int", data_type):
            raise DomainError(
                f"{column.where}: a control total is a decimal or a whole number, not {data_type}"
            )


def _period(table: _Part) -> str | None:
    period = table.setting("meta", "period")
    if period is not None and period not in PERIODS:
        raise DomainError(
            f"{table.where}: `period` is {period!r}, {' or '.join(PERIODS)} is expected"
        )
    if period and not table.setting("meta", "business_date"):
        raise DomainError(f"{table.where}: a `period` needs a `business_date` too")
    return None if period is None else str(period)


@dataclass(frozen=True)
class _Part:
    """A part of a YAML file.

    Attributes:
        where: the file, and the way to the part within it, for messages.
    """

    where: str
    content: Any

    @property
    def name(self) -> str:
        """What the part is called."""
        return str(self.content["name"])

    def parts(self, key: str, kind: str) -> list[_Part]:
        """The parts under a key, each with a name.

        Raises:
            DomainError: there are none, or one without a name.
        """
        items = self.content.get(key) if isinstance(self.content, dict) else None
        if not isinstance(items, list) or not items:
            raise DomainError(f"{self.where} lacks `{key}`, a list")
        if not all(isinstance(item, dict) and item.get("name") for item in items):
            raise DomainError(f"{self.where}: a {kind} lacks its `name`")
        return [_Part(f"{self.where}: {kind} {item['name']}", item) for item in items]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.parts("columns", "column"))

    def setting(self, *keys: str) -> Any:
        """What stands under `config`; None where nothing does."""
        value = self.content
        for key in ("config", *keys):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def column(self, *keys: str) -> str | None:
        """A setting that names one of the columns, if it is there.

        Raises:
            DomainError: it names something else.
        """
        name = self.setting(*keys)
        if name is not None and name not in self.columns:
            raise DomainError(
                f"{self.where}: `{keys[-1]}` is {name!r}, which is none of its columns"
            )
        return None if name is None else str(name)


def _read(project: Path, file: str) -> _Part:
    try:
        text = (project / file).read_text(encoding="utf-8")
    except OSError as error:
        raise DomainError(f"{file} cannot be read: {error.strerror}") from error
    try:
        return _Part(file, yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise DomainError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
