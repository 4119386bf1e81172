"""The landing folder, without a server: which nights lie there, and whether a night is whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from domains import RETAIL
from dumps import LOAD_DATE, night_tables, sale, stock
from reference.cases import trailing_window, write_dump

from shelfweek.domain import Domain, RawTable
from shelfweek.landing import Landing, LandingError, Night
from shelfweek.registration import register_files

MANIFEST = f"manifest/load_date={LOAD_DATE}/manifest_{LOAD_DATE:%Y%m%d}.json"
SALES = f"sales/load_date={LOAD_DATE}/sales_{LOAD_DATE:%Y%m%d}.csv"
STORE = f"store/load_date={LOAD_DATE}/store_{LOAD_DATE:%Y%m%d}.csv"


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A whole night with a manifest."""
    tables = night_tables([sale("01-05", "1", "2")], [stock("01-05", "3")])
    write_dump(tmp_path, LOAD_DATE, tables, manifest=trailing_window(LOAD_DATE))
    return tmp_path


def opened(folder: Path, load_date: date = LOAD_DATE) -> Night:
    """The night, as a run opens it."""
    return Landing.scan(str(folder), RETAIL).open_night(load_date)


def sources_of(folder: Path) -> list[dict[str, Any]]:
    """The CSV tables that a run makes over the night's files."""
    landing = Landing.scan(str(folder), RETAIL)
    lake = f"file:{folder.parent / 'lake'}"
    known = register_files([landing.open_night(LOAD_DATE)], landing, run_id="r", lake_uri=lake)
    sources: list[dict[str, Any]] = known["sources"]
    return sources


def fault(folder: Path, load_date: date = LOAD_DATE) -> str:
    """What is wrong with the night."""
    with pytest.raises(LandingError) as caught:
        opened(folder, load_date)
    return str(caught.value)


def edit_manifest(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change the manifest's entry of the sales file."""
    document = json.loads((folder / MANIFEST).read_text())
    change(next(entry for entry in document["files"] if entry["table"] == "sales"))
    (folder / MANIFEST).write_text(json.dumps(document))


# --- a whole night -------------------------------------------------------------------------------


def test_a_night_with_a_manifest_knows_rows_and_covered_dates(landing: Path) -> None:
    night = opened(landing)
    assert {file.table for file in night.files} == set(RETAIL.raw_tables)
    assert night.warnings == ()
    sales = next(file for file in night.files if file.table == "sales")
    assert (sales.row_count, sales.first_business_date, sales.last_business_date) == (
        1,
        date(2025, 12, 10),
        date(2026, 1, 13),
    )
    store = next(file for file in night.files if file.table == "store")
    assert store.first_business_date is None


@pytest.mark.parametrize("flat", [False, True])
def test_a_night_without_a_manifest_goes_by_its_files(tmp_path: Path, flat: bool) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables(), flat=flat, parts=2, gzip=True)
    night = opened(tmp_path)
    assert len(night.files) == 10
    assert all(file.row_count is None for file in night.files)


def test_nights_are_listed_oldest_first(tmp_path: Path) -> None:
    days = [date(2026, 2, 1), date(2025, 12, 31), date(2026, 1, 14)]
    for day in days:
        write_dump(tmp_path, day, night_tables())
    assert Landing.scan(str(tmp_path), RETAIL).nights == sorted(days)


def test_a_header_may_have_any_order_and_letter_case(tmp_path: Path) -> None:
    backwards = [name.lower() for name in reversed(RETAIL.raw_tables["sales"].columns)]
    write_dump(
        tmp_path, LOAD_DATE, night_tables(), header_order={"sales": backwards}, bom=True,
        newline="\r\n", quote_all=True,
    )  # fmt: skip
    sales = next(file for file in opened(tmp_path).files if file.table == "sales")
    assert sales.columns == tuple(backwards)


def test_an_extra_column_is_a_warning(tmp_path: Path) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables(), extra_columns={"store": ["Opened, on"]})
    night = opened(tmp_path)
    assert night.warnings == (f"{STORE}: extra columns ignored: OPENED, ON",)


def test_extra_columns_reach_no_table(tmp_path: Path) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables(), extra_columns={"store": ["note"]})
    (store,) = (part for part in sources_of(tmp_path) if part["raw_table"] == "store")
    assert store["columns"] == [*RETAIL.raw_tables["store"].columns, None]


def test_a_file_that_the_manifest_does_not_name_is_ignored_with_a_warning(landing: Path) -> None:
    extra = landing / SALES.replace(".csv", "_2.csv")
    extra.write_text((landing / SALES).read_text())
    night = opened(landing)
    assert [file.name for file in night.files if file.table == "sales"] == ["sales_20260114.csv"]
    assert len(night.warnings) == 1
    assert "sales_20260114_2.csv is not in the manifest" in night.warnings[0]


def test_other_files_are_no_nights(landing: Path) -> None:
    for name in ("notes.txt", "sales_2026.csv", "weather_20260115.csv", "sales_20261340.csv"):
        (landing / name).write_text("x")
    assert Landing.scan(str(landing), RETAIL).nights == [LOAD_DATE]


def test_another_domain_is_read_by_its_own_tables(tmp_path: Path) -> None:
    columns, declared_in = ("day", "amount"), "models/staging/shop/_shop__sources.yml"
    lines = RawTable("order_lines", columns, False, "UTF-8", "day", declared_in)
    shop = Domain("shop", {"order_lines": lines}, {})
    expected = "expected files like order_lines/load_date=2026-11-20/order_lines_20261120.csv, or "
    with pytest.raises(LandingError, match=expected):
        Landing.scan(str(tmp_path), shop)
    file = tmp_path / f"order_lines_{LOAD_DATE:%Y%m%d}.csv"
    file.write_text("amount,day,more\n1,2026-01-05,x\n")
    landing = Landing.scan(str(tmp_path), shop)
    night = landing.open_night(LOAD_DATE)
    known = register_files([night], landing, run_id="r", lake_uri=f"file:{tmp_path}/lake")
    (source,) = known["sources"]
    assert (source["raw_table"], source["columns"]) == ("order_lines", ["amount", "day", None])
    file.write_bytes("amount,day\né,2026-01-05\n".encode("windows-1252"))
    with pytest.raises(LandingError, match=re.escape(f"table order_lines ({declared_in})")):
        landing.open_night(LOAD_DATE)


def test_parts_with_differing_headers_become_sources_of_their_own(tmp_path: Path) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables([sale("01-05", "1", "2")]), parts=2)
    second = tmp_path / SALES.replace(".csv", "_2.csv")
    second.write_text(",".join(reversed(RETAIL.raw_tables["sales"].columns)) + "\n")
    parts = [part for part in sources_of(tmp_path) if part["raw_table"] == "sales"]
    assert [part["columns"] for part in parts] == [
        list(RETAIL.raw_tables["sales"].columns),
        list(reversed(RETAIL.raw_tables["sales"].columns)),
    ]


def test_signs_of_hadoop_globs_in_a_path_are_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "a {b}, [c] *"
    write_dump(folder, LOAD_DATE, night_tables(), parts=2)
    for part in sources_of(folder):
        assert r"a \{b\}\, \[c\] \*" in part["location"]


# --- no dump at all ------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"there is no landing folder .*nowhere"):
        Landing.scan(str(tmp_path / "nowhere"), RETAIL)


def test_a_folder_without_a_dump_tells_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(LandingError, match=r"expected files like sales/load_date="):
        Landing.scan(str(tmp_path), RETAIL)


def test_a_night_that_is_not_there_names_those_that_are(landing: Path) -> None:
    assert "no dump of 2026-01-15" in fault(landing, date(2026, 1, 15))
    assert "2026-01-14" in fault(landing, date(2026, 1, 15))


# --- a night that is not whole -------------------------------------------------------------------


def test_missing_columns_are_named_with_their_table(tmp_path: Path) -> None:
    without = [
        name for name in RETAIL.raw_tables["sales"].columns if name not in ("sales_amt", "discount")
    ]
    write_dump(tmp_path, LOAD_DATE, night_tables(), header_order={"sales": without})
    assert f"{SALES} of table sales lacks columns SALES_AMT, DISCOUNT" in fault(tmp_path)


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    twice = [*RETAIL.raw_tables["sales"].columns, "SALES_AMT"]
    write_dump(tmp_path, LOAD_DATE, night_tables(), header_order={"sales": twice})
    assert "of table sales has SALES_AMT twice" in fault(tmp_path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    tables = night_tables()
    del tables["calendar"]
    write_dump(tmp_path, LOAD_DATE, tables)
    assert "no file for table calendar" in fault(tmp_path)


@pytest.mark.parametrize("has_manifest", [True, False])
def test_an_empty_file_is_named(landing: Path, has_manifest: bool) -> None:
    (landing / SALES).write_bytes(b"")
    edit_manifest(landing, lambda entry: entry.update(bytes=0, rows=0))
    if not has_manifest:
        (landing / MANIFEST).unlink()
    assert f"{SALES} has 0 bytes: not even a header line" in fault(landing)


def test_a_file_that_the_manifest_names_is_missing(landing: Path) -> None:
    (landing / SALES).unlink()
    assert "sales_20260114.csv is not there" in fault(landing)


def test_a_torn_file_is_told_by_its_bytes(landing: Path) -> None:
    whole = (landing / SALES).read_bytes()
    (landing / SALES).write_bytes(whole[:-1])
    assert f"{SALES} has {len(whole) - 1} of the {len(whole)} bytes" in fault(landing)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": [{"table": "sales"}]}'])
def test_a_manifest_that_cannot_be_read_is_named(landing: Path, text: str) -> None:
    (landing / MANIFEST).write_text(text)
    assert f"manifest {MANIFEST} cannot be read" in fault(landing)


def test_a_torn_gzip_file_is_named(tmp_path: Path) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables(), gzip=True)
    file = tmp_path / f"{SALES}.gz"
    file.write_bytes(file.read_bytes()[:30])
    assert f"{SALES}.gz is torn or damaged" in fault(tmp_path)


def test_a_file_with_another_date_than_its_folder_is_named(landing: Path) -> None:
    (landing / SALES).with_name("sales_20260113.csv").write_text("x")
    assert "sales_20260113.csv lies in tonight's folder but is of 2026-01-13" in fault(landing)


def test_plain_and_gzipped_side_by_side_are_one_too_many(tmp_path: Path) -> None:
    write_dump(tmp_path, LOAD_DATE, night_tables())
    write_dump(tmp_path, LOAD_DATE, night_tables(), gzip=True)
    assert "sales_20260114.csv lies there 2 times" in fault(tmp_path)


def test_all_faults_of_a_night_are_told_at_once(landing: Path) -> None:
    (landing / SALES).unlink()
    (landing / STORE).write_text("x")
    text = fault(landing)
    assert "sales_20260114.csv is not there" in text
    assert "store_20260114.csv has 1 of the" in text
