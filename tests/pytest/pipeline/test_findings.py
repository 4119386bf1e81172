"""What a data test found, in words; the engine is a table of answers."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from shelfweek.engine import Engine, EngineError, Row
from shelfweek.findings import failure_of, warning_of

SQL = "select * from weekly -- a comment at the end"


@dataclass(frozen=True)
class Answers(Engine):
    """An engine that gives rows, or refuses."""

    rows: tuple[Row, ...] = ()

    def query(self, sql: str) -> list[Row]:
        """The rows, as far as the statement asks for them."""
        assert f"({chr(10)}{SQL}{chr(10)})" in sql
        if not self.rows:
            raise EngineError("the table is gone")
        return list(self.rows[: int(sql.split()[-1])])


def result(failures: int, raw_code: str = SQL) -> Any:
    """Dbt's result of a test."""
    node = SimpleNamespace(
        name="assert_keys_are_unique",
        raw_code=raw_code,
        compiled_code=SQL,
        compiled_path="target/x.sql",
    )
    return SimpleNamespace(node=node, failures=failures)


def test_sentences_are_told_as_they_are_the_first_five() -> None:
    rows: tuple[Row, ...] = tuple({"finding": f"store {n} is missing"} for n in range(7))
    assert warning_of(Answers(rows=rows), result(7)).splitlines() == [
        'test "keys are unique" found:',
        *(f"    store {n} is missing" for n in range(5)),
        "    and 2 more",
    ]


def test_other_rows_are_told_by_column_with_what_the_test_means() -> None:
    raw = "-- Rows were doubled.\n-- Do not publish.\n" + SQL
    rows: tuple[Row, ...] = ({"store_key": 1, "name": "a\x1b[2J"},)
    assert failure_of(Answers(rows=rows), result(1, raw)).splitlines() == [
        'test "keys are unique" failed:',
        r"    store_key 1, name a\x1b[2J",
        "    Rows were doubled. Do not publish.",
        "    SQL: target/x.sql",
    ]


@pytest.mark.parametrize("tell", [warning_of, failure_of])
def test_rows_that_cannot_be_read_are_counted(tell: Any) -> None:
    assert "3 rows, which cannot be read: the table is gone" in tell(Answers(), result(3))
