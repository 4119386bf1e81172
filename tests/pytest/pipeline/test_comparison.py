"""Two tables of one grain: what came, what went, what changed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from shelfweek.comparison import ColumnChange, NewColumn, compare
from shelfweek.engine import Engine, Session

BEFORE = "(1, 'a', 1.50, date'2026-01-03'), (2, 'b', 2.00, date'2026-01-03')"


@pytest.fixture(scope="module")
def session(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on a schema of its own."""
    with Engine(port=port).session() as session:
        folder = tmp_path_factory.mktemp("compared")
        session.execute(f"create schema compared location 'file:{folder}'")
        session.execute("use compared")
        yield session
        session.execute("drop schema compared cascade")


def sides(session: Session, before: str, now: str, columns: str = "k, name, amt, week") -> None:
    """Make views `before` and `now` of these rows."""
    for name, rows in (("before", before), ("now", now)):
        session.execute(f"drop view if exists {name}")
        session.execute(f"create view {name} as select * from values {rows} as rows ({columns})")


def test_equal_rows_in_any_order_are_no_difference(session: Session) -> None:
    rows = BEFORE.split("), ")
    sides(session, BEFORE, f"({rows[1].strip('()')}), {rows[0]})")
    found = compare(session, "before", "now", ["k"])
    assert found.is_equal
    assert (found.rows_before, found.rows_now) == (2, 2)


def test_rows_are_told_apart_by_their_key(session: Session) -> None:
    sides(session, BEFORE, BEFORE.replace("(1,", "(3,").replace("2.00", "2.25"))
    found = compare(session, "before", "now", ["k"])
    assert (found.added, found.removed, found.changed) == (1, 1, 1)
    (change,) = found.columns
    assert change == ColumnChange(
        "amt", 1, Decimal("3.50"), Decimal("3.75"), {"k": 2}, "2.00", "2.25", is_number=True
    )


def test_of_several_changes_the_largest_is_shown_and_a_lost_value_is_the_largest(
    session: Session,
) -> None:
    sides(
        session, "(1, 5, 1), (2, 5, 1), (3, 5, 1)", "(1, 6, 1), (2, 3, 1), (3, 5, null)", "k, a, b"
    )
    found = compare(session, "before", "now", ["k"])
    by_name = {change.name: change for change in found.columns}
    assert found.changed == 3
    assert (by_name["a"].rows, by_name["a"].key, by_name["a"].now) == (2, {"k": 2}, "3")
    assert (by_name["b"].rows, by_name["b"].before, by_name["b"].now) == (1, "1", None)
    assert [change.name for change in found.columns] == ["a", "b"]


def test_a_null_is_a_value_like_another(session: Session) -> None:
    rows = "(null, 'a'), (2, null)"
    sides(session, rows, rows, "k, name")
    assert compare(session, "before", "now", ["k"]).is_equal


def test_columns_that_came_and_went_are_named(session: Session) -> None:
    sides(session, "(1, 2)", "(1, 2)", "k, old")
    session.execute(
        "create or replace view now as select 1 as k, int(null) as new union all select 2, 7"
    )
    found = compare(session, "before", "now", ["k"])
    assert found.gone_columns == ["old"]
    assert found.new_columns == [NewColumn("new", 1, "7", "7", is_number=True)]
    assert not found.is_equal


def test_without_a_key_whole_rows_are_counted(session: Session) -> None:
    sides(session, "(1, 1), (1, 1), (2, 2)", "(1, 1), (2, 3)", "k, a")
    found = compare(session, "before", "now", [])
    assert (found.rows_before, found.rows_now) == (3, 2)
    assert (found.added, found.removed, found.changed) == (1, 2, 0)


def test_rows_that_are_doubled_are_counted_and_no_equal(session: Session) -> None:
    sides(session, BEFORE, f"{BEFORE}, {BEFORE}")
    found = compare(session, "before", "now", ["k"])
    assert (found.rows_before, found.rows_now) == (2, 4)
    assert not found.is_equal


def test_a_column_of_another_type_is_told_and_compared_as_text(session: Session) -> None:
    sides(session, "(1, 'x'), (2, '7')", "(1, 7), (2, 7)", "k, a")
    found = compare(session, "before", "now", ["k"])
    assert found.other_types == {"a": ("string", "int")}
    (change,) = found.columns
    assert (change.rows, change.before, change.now) == (1, "x", "7")
