"""The unload: what a dump holds, and when there is none."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sqlfluff
from accounts import BUCKET, LOAD_DATE, Account
from domains import RETAIL

from dump import read_dump
from sandbox.snowflake_server import Fault
from shelfweek.landing import Landing
from snowflake.procedures import unload as handler


def sales_on(*days: str | date, trans_id: int = 1) -> list[list[Any]]:
    """One sale on each day."""
    return [[trans_id + place, 9, 1, str(day), 10, "1", "2", "2"] for place, day in enumerate(days)]


def unload_in_parts(account: Account) -> None:
    """Dump the night in files of at most 2,500 bytes."""
    call = f"call unload(load_date => '{LOAD_DATE}', max_file_bytes => 2500)"
    account.sql(f"use schema {account.database}.ops", call)


def dates_in(account: Account, table: str, column: int) -> set[str]:
    """The dates in a column of all files of a table."""
    return {
        line.split(",")[column]
        for path, content in account.landing().items()
        if path.startswith(f"{table}/")
        for line in content.decode().splitlines()[1:]
    }


# --- what a dump holds ---------------------------------------------------------------------------


def test_a_dump_lies_as_the_contract_says_and_a_run_can_open_it(
    account: Account, tmp_path: Path
) -> None:
    outcome = account.unload()
    assert outcome.code == 0, outcome.errors
    assert sorted(account.landing()) == [
        "calendar/load_date=2026-01-14/calendar_20260114_1_0_0_0.csv",
        "inventory/load_date=2026-01-14/inventory_20260114_1_0_0_0.csv",
        "manifest/load_date=2026-01-14/manifest_20260114.json",
        "product/load_date=2026-01-14/product_20260114_1_0_0_0.csv",
        "sales/load_date=2026-01-14/sales_20260114_1_0_0_0.csv",
        "store/load_date=2026-01-14/store_20260114_1_0_0_0.csv",
    ]
    night = Landing.scan(str(account.download(tmp_path)), RETAIL).open_night(LOAD_DATE)
    assert night.warnings == ()
    covered = {
        file.table: (file.row_count, file.first_business_date, file.last_business_date)
        for file in night.files
    }
    window = (date(2025, 12, 10), date(2026, 1, 13))
    assert covered == {
        "sales": (1, *window),
        "inventory": (1, *window),
        "store": (1, None, None),
        "product": (1, None, None),
        "calendar": (1, None, None),
    }


def test_the_window_ends_the_day_before_and_holds_35_days_or_as_many_as_told(
    account: Account,
) -> None:
    around = [LOAD_DATE - timedelta(days=days) for days in (36, 35, 2, 1, 0)]
    account.fill(sales=sales_on(*around), inventory=[[str(day), 1, 9] for day in around])
    assert account.unload().code == 0
    inside = {str(day) for day in around[1:-1]}
    assert dates_in(account, "sales", 3) == inside
    assert dates_in(account, "inventory", 0) == inside
    assert account.unload(LOAD_DATE, "--window", "2").code == 0
    assert dates_in(account, "sales", 3) == {"2026-01-12", "2026-01-13"}
    manifest = account.manifest()
    assert manifest is not None
    assert manifest["files"][0]["first_business_date"] == "2026-01-12"


def test_a_large_table_comes_in_parts_with_a_header_each(account: Account, tmp_path: Path) -> None:
    account.fill(sales=sales_on(*["2026-01-13"] * 200))
    unload_in_parts(account)
    parts = {k: v for k, v in account.landing().items() if k.startswith("sales/")}
    assert len(parts) > 2
    assert max(len(content) for content in parts.values()) <= 2500
    assert all(content.startswith(b'"TRANS_ID",') for content in parts.values())
    rows = [line for content in parts.values() for line in content.splitlines()[1:]]
    assert len(set(rows)) == len(rows) == 200
    night = Landing.scan(str(account.download(tmp_path)), RETAIL).open_night(LOAD_DATE)
    assert sum(file.row_count or 0 for file in night.files if file.table == "sales") == 200


def test_a_null_is_nothing_and_an_empty_string_is_quotes(account: Account) -> None:
    account.fill(product=[[9, "", None, 'a "b", c', "d\ne"]])
    assert account.unload().code == 0
    product = account.landing()["product/load_date=2026-01-14/product_20260114_1_0_0_0.csv"]
    assert product.split(b"\n", 1)[1] == b'9,"",,"a ""b"", c","d\ne",,,,,,\n'


def test_a_new_column_of_the_source_is_dumped_too(account: Account, tmp_path: Path) -> None:
    """A run ignores it with a warning; leaving it out here would hide it from everybody."""
    account.sql("alter table store add column opened_on date")
    try:
        assert account.unload().code == 0
    finally:
        account.sql("alter table store drop column opened_on")
    night = Landing.scan(str(account.download(tmp_path)), RETAIL).open_night(LOAD_DATE)
    assert "extra columns ignored: OPENED_ON" in "".join(night.warnings)


# --- a night that is dumped again ----------------------------------------------------------------


def test_a_second_dump_replaces_the_first_with_all_its_parts(account: Account) -> None:
    account.fill(sales=sales_on(*["2026-01-13"] * 200))
    unload_in_parts(account)
    other_night = date(2026, 1, 15)
    assert account.unload(other_night).code == 0
    assert account.unload().code == 0
    manifest = account.manifest()
    assert manifest is not None
    named = {entry["file_name"] for entry in manifest["files"]}
    there = {path.rsplit("/", 1)[-1] for path in account.landing() if "=2026-01-14/" in path}
    assert there == named | {"manifest_20260114.json"}
    assert account.manifest(other_night) is not None


def expect_untouched(account: Account, first: dict[str, bytes], folder: Path) -> None:
    """The dump of before lies there byte for byte, and is the one that is loaded."""
    there = account.landing()
    assert {path: there.get(path) for path in first} == first
    night = Landing.scan(str(account.download(folder)), RETAIL).open_night(LOAD_DATE)
    assert {file.name for file in night.files} == names_in(first, ".csv")
    s3, prefix = account.aws.client("s3"), f"{account.database}/landing"
    dump = read_dump(s3, BUCKET, prefix, LOAD_DATE, RETAIL.business_dates)
    assert dump.is_ready
    assert {uri.rsplit("/", 1)[-1] for table in dump.tables for uri in table.uris} == {
        file.name for file in night.files
    }


def names_in(landing: Iterable[str], suffix: str) -> set[str]:
    """Names of the files of a landing."""
    return {path.rsplit("/", 1)[-1] for path in landing if path.endswith(suffix)}


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from raw.calendar",
        "list '@landing/product/",
        "copy into '@landing/sales/",
        "copy into '@landing/store/",
        "copy into '@landing/manifest/",
    ],
)
def test_a_dump_that_breaks_off_leaves_the_earlier_one_as_it_was(
    account: Account, tmp_path: Path, statement: str
) -> None:
    assert account.unload().code == 0
    first = account.landing()
    account.fill(store=[[2]])
    reason = "Failure using stage area. Access Denied"
    account.server.set_faults([Fault(re.escape(statement), 91003, "55000", reason)])
    outcome = account.unload()
    assert outcome.code == 1
    assert outcome.errors.startswith("error: unload: ")
    assert outcome.errors.endswith(f": 091003 (55000): {reason}\n")
    expect_untouched(account, first, tmp_path)

    account.server.set_faults([])
    assert account.unload().code == 0
    expect_one_dump(account)


def expect_one_dump(account: Account) -> None:
    """The files of the night are those that its manifest names."""
    manifest = account.manifest()
    assert manifest is not None
    named = {entry["file_name"] for entry in manifest["files"]}
    assert names_in(account.landing(), ".csv") == named


def test_old_files_that_cannot_be_removed_leave_the_new_dump_whole(
    account: Account, tmp_path: Path
) -> None:
    assert account.unload().code == 0
    first = account.landing()
    account.fill(store=[[2]])
    fault = Fault("remove '@landing/inventory/", 91003, "55000", "Access Denied")
    account.server.set_faults([fault])
    outcome = account.unload()
    assert outcome.errors == (
        "error: unload: the dump of 2026-01-14 is whole, but inventory_20260114_1_0_0_0.csv of an "
        "earlier one could not be removed: 091003 (55000): Access Denied\n"
    )
    new = {path: content for path, content in account.landing().items() if path not in first}
    manifest = "manifest/load_date=2026-01-14/manifest_20260114.json"
    new[manifest] = account.landing()[manifest]
    assert b"_2_0_0_0.csv" in new[manifest]
    expect_untouched(account, new, tmp_path)

    account.server.set_faults([])
    assert account.unload().code == 0
    expect_one_dump(account)


def test_files_of_a_person_are_left_alone(account: Account) -> None:
    """REMOVE takes `sales` for the beginning of names: all files would go with it."""
    s3 = account.aws.client("s3")
    folder = f"{account.database}/landing/sales/load_date=2026-01-14"
    for name in ("", "sales", "sales_20260114_"):
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/{name}", Body=b"x")
    for _ in range(2):
        assert account.unload().code == 0
    assert sorted(path for path in account.landing() if path.startswith("sales")) == [
        "sales/load_date=2026-01-14/",
        "sales/load_date=2026-01-14/sales",
        "sales/load_date=2026-01-14/sales_20260114_",
        "sales/load_date=2026-01-14/sales_20260114_2_0_0_0.csv",
    ]


def test_a_dump_of_another_release_or_by_hand_is_replaced_too(account: Account) -> None:
    s3 = account.aws.client("s3")
    folder = f"{account.database}/landing/sales/load_date=2026-01-14"
    for name in ("sales_20260114_3_1_0.csv", "sales_20260114.csv.gz"):
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/{name}", Body=b"x")
    assert account.unload().code == 0
    expect_one_dump(account)
    assert "sales_20260114_4_0_0_0.csv" in names_in(account.landing(), ".csv")


# --- what cannot be dumped -----------------------------------------------------------------------


@pytest.mark.parametrize("table", ["sales", "inventory", "store", "product", "calendar"])
def test_an_empty_table_leaves_the_earlier_dump(
    account: Account, tmp_path: Path, table: str
) -> None:
    assert account.unload().code == 0
    first = account.landing()
    account.fill(**{table: []})
    outcome = account.unload()
    assert outcome.code == 1
    assert outcome.errors.startswith(f"error: unload: raw.{table} has no rows")
    assert account.landing() == first
    expect_untouched(account, first, tmp_path)


def test_a_window_without_rows_names_its_dates(account: Account) -> None:
    account.fill(sales=sales_on("2025-12-09", "2026-01-14"))
    assert account.unload().errors == (
        "error: unload: raw.sales has no rows from 2025-12-10 to 2026-01-13: "
        "there is nothing to dump\n"
    )
    assert account.landing() == {}


@pytest.mark.parametrize("table", ["sales", "inventory"])
def test_rows_of_the_future_leave_the_earlier_dump(
    account: Account, tmp_path: Path, table: str
) -> None:
    assert account.unload().code == 0
    first = account.landing()
    far = "2999-12-31"
    account.fill(**{table: sales_on(far) if table == "sales" else [[far, 1, 9]]})
    outcome = account.unload()
    assert outcome.code == 1
    assert f"raw.{table} has 1 rows outside any window" in outcome.errors
    assert f"up to {far}" in outcome.errors
    assert account.landing() == first
    expect_untouched(account, first, tmp_path)


def test_a_night_of_the_past_may_have_newer_rows_beside_it(account: Account) -> None:
    """Otherwise no night could be dumped again the day after."""
    account.fill(sales=sales_on("2026-01-13", "2026-01-14", "2026-01-15"))
    assert account.unload(date(2026, 1, 16)).code == 0
    with patch.object(handler, "datetime", clock("2026-01-16T07:00")):
        statements = dumped(load_date="2026-01-14")
    limit = "trans_dt > to_date('2026-01-16', 'YYYY-MM-DD')"
    assert any(limit in statement for statement in statements)


# --- the handler by itself -----------------------------------------------------------------------


class FakeSession:
    """Records statements; every table has one file of one row, and no row of the future."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.files: dict[str, list[tuple[Any, ...]]] = {}

    def sql(self, statement: str) -> FakeSession:
        self.statements.append(statement)
        return self

    def collect(self) -> list[tuple[Any, ...]]:
        last = self.statements[-1]
        if last.startswith("select count(*), max"):
            return [(0, None)]
        if last.startswith("select"):
            return [(1,)]
        folder, name = re.findall(r"'@landing/(.*/)(.*?)'", last)[0]
        if last.startswith("list"):
            return self.files.get(folder, [])
        if last.startswith("copy"):
            self.files[folder] = [(f"s3://bucket/{folder}{name}_0_0_0.csv", 10, 1)]
        return self.files.get(folder, [])


def dumped(
    load_date: str | None = None, window_days: int = 35, max_file_bytes: int = 1000
) -> list[str]:
    """The statements that the handler runs."""
    session = FakeSession()
    handler.unload(session, load_date, window_days, max_file_bytes)
    return session.statements


def clock(now: str) -> type[datetime]:
    """A class of datetime whose now is this one, given in UTC."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            moment = datetime.fromisoformat(now).replace(tzinfo=UTC).astimezone(tz)
            return cls(*moment.timetuple()[:6], tzinfo=tz)

    return Clock


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-11-20T07:00", "2026-11-20"),
        ("2026-11-20T04:59", "2026-11-19"),
        ("2026-11-20T05:00", "2026-11-20"),
        # The clocks of New York go forward at 7:00 UTC and back at 6:00 UTC: no matter.
        ("2026-03-08T07:00", "2026-03-08"),
        ("2026-03-08T04:59", "2026-03-07"),
        ("2026-11-01T07:00", "2026-11-01"),
        ("2026-11-01T04:30", "2026-10-31"),
        ("2028-02-29T07:00", "2028-02-29"),
        ("2027-01-01T04:00", "2026-12-31"),
    ],
)
def test_the_load_date_is_today_at_utc_minus_5(now: str, night: str) -> None:
    with patch.object(handler, "datetime", clock(now)):
        statements = dumped()
    assert f"load_date={night}/manifest_{night.replace('-', '')}.json" in statements[-1]


def verbs(statements: Iterable[str]) -> list[str]:
    """The statements' first words, each once for those that follow one another."""
    return [verb for verb, _ in itertools.groupby(text.split()[0] for text in statements)]


def test_all_is_asked_before_anything_is_written_and_nothing_removed_before_the_manifest() -> None:
    session = FakeSession()
    for _ in range(2):
        session.statements.clear()
        handler.unload(session, "2026-01-14", 35, 1000)
    assert verbs(session.statements) == ["select", "list", "copy", "list", "copy", "remove"]
    last_copy = [text for text in session.statements if text.startswith("copy")][-1]
    assert "manifest_20260114.json" in last_copy
    assert not any("manifest" in text for text in session.statements if "remove" in text)


def test_a_dump_whose_files_another_one_removes_gets_no_manifest() -> None:
    class Robbed(FakeSession):
        def collect(self) -> list[tuple[Any, ...]]:
            return [] if self.statements[-1].startswith("list") else super().collect()

    session = Robbed()
    with pytest.raises(handler.UnloadError, match="another unload of 2026-01-14 runs"):
        handler.unload(session, "2026-01-14", 35, 1000)
    assert not any("manifest" in statement for statement in session.statements)


def test_its_statements_are_sql_of_snowflake() -> None:
    """The linter does not see them: they stand in strings."""
    for statement in dict.fromkeys(dumped("2026-01-14")):
        sqlfluff.parse(statement, dialect="snowflake")


@pytest.mark.parametrize(
    "load_date",
    [
        "2026-1-14",
        "20260114",
        "2026-02-30",
        "",
        " 2026-01-14",
        "2026-01-14\n",
        "\uff12\uff10\uff12\uff16-01-14",
        "2026-01-14'; drop table raw.sales; --",
        "$(reboot)",
        20260114,
    ],
)
def test_anything_but_a_date_is_refused_before_any_statement(load_date: Any) -> None:
    session = FakeSession()
    with pytest.raises(handler.UnloadError, match="load_date"):
        handler.unload(session, load_date, 35, 1000)
    assert session.statements == []


@pytest.mark.parametrize("value", [0, -1, 3661, True, None, "35", 35.0, "1 or 1=1"])
def test_anything_but_a_number_of_days_is_refused_before_any_statement(value: Any) -> None:
    session = FakeSession()
    with pytest.raises(handler.UnloadError, match="window_days"):
        handler.unload(session, "2026-01-14", value, 1000)
    assert session.statements == []


@pytest.mark.parametrize("value", [0, 5 * 1024**3 + 1, "16777216"])
def test_a_file_size_that_snowflake_does_not_know_is_refused(value: Any) -> None:
    session = FakeSession()
    with pytest.raises(handler.UnloadError, match="max_file_bytes"):
        handler.unload(session, "2026-01-14", 35, value)
    assert session.statements == []


def test_the_command_line_takes_dates_only(account: Account) -> None:
    for bad in ("2026-1-14", "x'; drop table sales; --", "2026-02-30"):
        with pytest.raises(SystemExit) as caught:
            account.deploy("unload", "--load-date", bad)
        assert caught.value.code == 2


# --- the task ------------------------------------------------------------------------------------


@pytest.fixture
def tonight(account: Account) -> Iterator[tuple[Account, date]]:
    """The account with rows of yesterday, and today at UTC-5."""
    today = datetime.now(handler.EST).date()
    yesterday = today - timedelta(days=1)
    account.fill(sales=sales_on(yesterday), inventory=[[str(yesterday), 1, 9]])
    yield account, today


def test_the_task_dumps_tonight_and_status_says_so(tonight: tuple[Account, date]) -> None:
    account, today = tonight
    account.sql("execute task ops.unload_night")
    manifest = account.manifest(today)
    assert manifest is not None
    assert manifest["load_date"] == today.isoformat()
    outcome = account.deploy("status")
    assert outcome.code == 0
    assert "task unload_night: started, USING CRON 0 7 * * * UTC" in outcome.output
    assert "last run: SUCCEEDED" in outcome.output


def test_a_failed_task_is_told_and_status_gives_the_reason(
    tonight: tuple[Account, date],
) -> None:
    account, today = tonight
    account.fill(store=[])
    account.sql("execute task ops.unload_night")
    assert account.manifest(today) is None
    outcome = account.deploy("status")
    assert outcome.code == 1
    assert "last run: FAILED" in outcome.output
    assert "reason: raw.store has no rows: there is nothing to dump\n" in outcome.output
    integration, text = account.server.ledger()["notified"][-1]
    assert integration == f"{account.database}_alerts".upper()
    assert "raw.store has no rows" in text


def test_the_manifest_is_what_the_command_line_shows(account: Account) -> None:
    outcome = account.unload()
    manifest = account.manifest()
    assert manifest is not None
    for entry in manifest["files"]:
        line = f"{entry['rows']:12,} rows {entry['bytes']:14,} bytes  {entry['table']}, files: 1"
        assert line in outcome.output
    assert json.dumps(manifest) not in outcome.output
