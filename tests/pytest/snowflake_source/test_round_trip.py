"""What goes through an unload comes back: as Snowflake loads it, and as the contract reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from accounts import LOAD_DATE, Account
from domains import RETAIL
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from reference.contract import TABLES, Kind
from reference.reading import read_rows

from sandbox.sample.__main__ import main as write_sample
from shelfweek.landing import Landing

Row = Sequence[Any]

SAMPLE_NIGHT = date(2026, 11, 20)
LARGEST = Decimal("99999999999999.9999")
NASTY = [
    "",
    " ",
    ",",
    '"',
    '""',
    "'",
    "\\",
    "\\N",
    "null",
    "\n",
    "\r\n",
    "a\rb",
    "é",
    "日本",
    "😀",
    ";",
]

keys = st.integers(-(10**18), 10**18)
texts = st.none() | st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]))
# No NUL can be in a file of text; fakesnow takes $x in a literal for a variable of the session.
texts = texts.map(lambda text: text and text.replace("\0", "").replace("$", ""))
decimals = st.none() | st.decimals(-LARGEST, LARGEST, places=4)
window_days = st.dates(LOAD_DATE - timedelta(days=35), LOAD_DATE - timedelta(days=1))
flags = st.none() | st.integers(0, 1)


def rows_of(*columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Some rows; equal ones may be among them."""
    return st.lists(st.tuples(*columns), min_size=1, max_size=12)


dumps = st.fixed_dictionaries(
    {
        "sales": rows_of(keys, keys, keys, window_days, flags, *[decimals] * 7),
        "inventory": rows_of(
            window_days, keys, keys, decimals, decimals, flags, decimals, flags,
            st.none() | st.dates(date(1, 1, 1)),
        ),
        "calendar": rows_of(st.dates(), *[texts] * 3, flags, flags, *[texts] * 5),
        "store": rows_of(keys, *[texts] * 20),
        "product": rows_of(keys, *[texts] * 10),
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def second_account(new_account: Callable[[], Account], shared_account: Account) -> Account:
    """An account whose source is the landing of the other."""
    landing = shared_account.environment["SNOWFLAKE_LANDING_URL"]
    account = new_account().with_settings(SNOWFLAKE_SOURCE_URL=landing)
    assert account.deploy("deploy").code == 0
    return account


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    # Every try is a night: shrinking would take minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    {
        "sales": [(1, 9, 1, date(2026, 1, 13), 0, *[Decimal("-0.5")] * 7)] * 2,
        "inventory": [(date(2025, 12, 10), 1, 9, LARGEST, -LARGEST, 1, None, 0, None)],
        "calendar": [(date(2026, 1, 13), *["2026-01"] * 3, 2026, 3, *["202603"] * 5)],
        "store": [(1, *NASTY, None, "", None, "x")],
        "product": [(9, *NASTY[:10]), (10, *[None] * 10)],
    }
)
@given(dumps)
def test_an_unloaded_dump_gives_back_the_same_rows(
    account: Account, second_account: Account, dump: dict[str, list[Row]]
) -> None:
    account.fill(**dump)
    outcome = account.unload()
    assert outcome.code == 0, outcome.errors
    outcome = second_account.deploy("load")
    assert outcome.code == 0, outcome.errors
    with TemporaryDirectory() as folder:
        night = Landing.scan(str(account.download(Path(folder))), RETAIL).open_night(LOAD_DATE)
        for table, rows in dump.items():
            assert Counter(second_account.sql(f"select * from {table}")) == Counter(rows)
            files = [file for file in night.files if file.table == table]
            assert sum(file.row_count or 0 for file in files) == len(rows)
            found = (row for file in files for row in read_rows(TABLES[table], Path(file.path)))
            assert Counter(typed(table, (row.fields for row in found))) == Counter(
                tuple(None if value == "" else value for value in row) for row in rows
            )


def typed(table: str, rows: Iterable[tuple[str | None, ...] | None]) -> Iterable[tuple[Any, ...]]:
    """Rows of text with the types of the contract; a malformed one is an error."""
    parse: dict[Kind, Callable[[str], Any]] = {
        Kind.TEXT: str,
        Kind.BIGINT: int,
        Kind.INT: int,
        Kind.FLAG: int,
        Kind.DECIMAL: Decimal,
        Kind.DATE: date.fromisoformat,
    }
    kinds = TABLES[table].kinds.values()
    for fields in rows:
        assert fields is not None
        yield tuple(
            None if text is None else parse[kind](text)
            for kind, text in zip(kinds, fields, strict=True)
        )


def test_a_sample_that_went_through_the_account_is_the_sample(
    account: Account, tmp_path: Path
) -> None:
    """The generator's own night and the unloaded one hold the same rows and the same dates."""
    made = tmp_path / "made"
    write_sample(
        ["--to", str(made), "--clean", "--nights", "1", "--stores", "3", "--products", "10",
         "--days", "60", "--no-first-night-whole"]
    )  # fmt: skip
    account.upload(made)
    outcome = account.deploy("load")
    assert outcome.code == 0, outcome.errors
    assert account.unload(SAMPLE_NIGHT).code == 0
    nights = [
        Landing.scan(str(folder), RETAIL).open_night(SAMPLE_NIGHT)
        for folder in (made, account.download(tmp_path / "unloaded"))
    ]
    for table, definition in TABLES.items():
        rows, covered = [], []
        for night in nights:
            files = [file for file in night.files if file.table == table]
            found = (row.fields for f in files for row in read_rows(definition, Path(f.path)))
            rows.append(Counter(typed(table, found)))
            covered.append({(f.first_business_date, f.last_business_date) for f in files})
        assert rows[0] == rows[1]
        assert covered[0] == covered[1]
        assert rows[0].total() > 0
