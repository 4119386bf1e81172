"""Two tables of one grain, row by row: what came, what went, and what changed in which column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shelfweek.engine import Session

_NUMBER = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")


@dataclass(frozen=True)
class ColumnChange:
    """What became of a column in the rows that are on both sides.

    Attributes:
        rows: how many have another value now.
        sum_before, sum_now: over all rows of a side, of a number; None of anything else.
        is_number: whether both sides have numbers.
        key: of the row that changed most, by column.
        before, now: its values, as text.
    """

    name: str
    rows: int
    sum_before: Any
    sum_now: Any
    key: Mapping[str, Any]
    before: str | None
    now: str | None
    is_number: bool


@dataclass(frozen=True)
class NewColumn:
    """A column that was not there before: rows without a value, lowest and highest as text."""

    name: str
    nulls: int
    lowest: str | None
    highest: str | None
    is_number: bool


@dataclass(frozen=True)
class Comparison:
    """A table now against what it was.

    Attributes:
        rows_before, rows_now: how many rows either side has.
        added, removed: rows whose key is on one side only.
        changed: rows of both sides with another value in any column; 0 where there is no key: then
            such rows are removed and added.
        columns: those that changed, with most rows first.
        gone_columns: names of columns that are no more.
        other_types: columns of another type, with the one before and the one now.
    """

    rows_before: int
    rows_now: int
    added: int
    removed: int
    changed: int
    columns: list[ColumnChange] = field(default_factory=list)
    new_columns: list[NewColumn] = field(default_factory=list)
    gone_columns: list[str] = field(default_factory=list)
    other_types: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def is_equal(self) -> bool:
        """Whether both sides have the same rows and columns."""
        differs_in_rows = self.added or self.removed or self.changed
        differs_in_columns = self.new_columns or self.gone_columns or self.other_types
        return self.rows_before == self.rows_now and not (differs_in_rows or differs_in_columns)


def compare(session: Session, before: str, now: str, key: Sequence[str]) -> Comparison:
    """Compare two tables.

    before, now: their full names. key: columns that no two rows of a side share; none: whole rows
    are compared.

    Raises:
        EngineError: the engine refuses it.
    """
    types_before, types = _types(session, before), _types(session, now)
    shared = [name for name in types if name in types_before]
    new = [name for name in types if name not in types_before]
    return Comparison(
        **(
            _by_key(session, before, now, key, {n: (types_before[n], types[n]) for n in shared})
            if key and set(key) <= set(shared)
            else _by_row(session, before, now, shared)
        ),
        new_columns=_new_columns(session, now, {name: types[name] for name in new}),
        other_types={
            name: (types_before[name], types[name])
            for name in shared
            if types_before[name] != types[name]
        },
        gone_columns=[name for name in types_before if name not in types],
    )


def _types(session: Session, table: str) -> dict[str, str]:
    """The types of a table's columns by name."""
    types: dict[str, str] = {}
    for row in session.query(f"describe table {table}"):
        # Behind its columns the catalog tells a table's partitions.
        if not row["col_name"] or row["col_name"].startswith("#"):
            break
        types[row["col_name"]] = row["data_type"]
    return types


def _by_key(
    session: Session,
    before: str,
    now: str,
    key: Sequence[str],
    types: Mapping[str, tuple[str, str]],
) -> dict[str, Any]:
    values = [name for name in types if name not in key]
    numbers = {name for name in values if all(kind.startswith(_NUMBER) for kind in types[name])}
    # Values of types that cannot be compared are compared as text.
    differs = {
        name: f"not (was.{name} <=> present.{name})"
        if name in numbers or len(set(types[name])) == 1
        else f"not (string(was.{name}) <=> string(present.{name}))"
        for name in values
    }
    keys = ", ".join(f"present.{name}" for name in key)
    is_on_both = "was.is_there and present.is_there"
    selects = [
        # On their own: a key that is not unique would multiply them in the join.
        f"(select count(*) from {before}) as rows_before",
        f"(select count(*) from {now}) as rows_now",
        "count_if(was.is_there is null) as added",
        "count_if(present.is_there is null) as removed",
        f"count_if({is_on_both} and ({' or '.join(differs.values()) or 'false'})) as changed",
    ]
    for number, name in enumerate(values):
        is_number = name in numbers
        # A value that came or went counts most.
        size = (
            f"coalesce(double(abs(present.{name} - was.{name})), double('infinity'))"
            if is_number
            else "1"
        )
        selects += [
            f"count_if({is_on_both} and {differs[name]}) as rows_{number}",
            *(
                f"{f'sum({side}.{name})' if is_number else 'null'} as {total}_{number}"
                for side, total in (("was", "sum_before"), ("present", "sum_now"))
            ),
            f"max_by(to_json(struct(struct({keys}) as key, string(was.{name}) as before, "
            f"string(present.{name}) as now)), {size}) "
            f"filter (where {is_on_both} and {differs[name]}) as most_{number}",
        ]
    (row,) = session.query(
        f"select {', '.join(selects)} "
        f"from (select *, true as is_there from {before}) as was "
        f"full outer join (select *, true as is_there from {now}) as present on "
        + " and ".join(f"was.{name} <=> present.{name}" for name in key)
    )
    changes = [
        ColumnChange(
            name,
            row[f"rows_{number}"],
            row[f"sum_before_{number}"],
            row[f"sum_now_{number}"],
            is_number=name in numbers,
            **_most(row[f"most_{number}"]),
        )
        for number, name in enumerate(values)
        if row[f"rows_{number}"]
    ]
    counts = ("rows_before", "rows_now", "added", "removed", "changed")
    return {
        **{name: row[name] for name in counts},
        "columns": sorted(changes, key=lambda change: -change.rows),
    }


def _most(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return {"key": found["key"], "before": found.get("before"), "now": found.get("now")}


def _by_row(session: Session, before: str, now: str, columns: Sequence[str]) -> dict[str, Any]:
    names = ", ".join(columns)
    sides = f"select {names} from {before}", f"select {names} from {now}"
    (row,) = session.query(
        f"select (select count(*) from {before}) as rows_before, "
        f"(select count(*) from {now}) as rows_now, "
        f"(select count(*) from ({sides[1]} except all {sides[0]})) as added, "
        f"(select count(*) from ({sides[0]} except all {sides[1]})) as removed"
    )
    return {**row, "changed": 0}


def _new_columns(session: Session, table: str, types: Mapping[str, str]) -> list[NewColumn]:
    if not types:
        return []
    selects = [
        f"count_if({name} is null) as nulls_{number}, string(min({name})) as lowest_{number}, "
        f"string(max({name})) as highest_{number}"
        for number, name in enumerate(types)
    ]
    (row,) = session.query(f"select {', '.join(selects)} from {table}")
    return [
        NewColumn(
            name,
            row[f"nulls_{number}"],
            row[f"lowest_{number}"],
            row[f"highest_{number}"],
            is_number=kind.startswith(_NUMBER),
        )
        for number, (name, kind) in enumerate(types.items())
    ]
