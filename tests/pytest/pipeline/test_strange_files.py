"""What else lies in a landing: copies, files that nearly fit, by-products, links."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import pytest
from domains import RETAIL
from dumps import LOAD_DATE
from landings import DAY, MANIFEST, SALES, fault, opened, paths, put, written

from shelfweek.landing import Landing, LandingError

# --- nearly fitting ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        f"sales_{DAY}-2.csv", f"sales_{DAY}_2.CSV", f"sales_{DAY}.part2.csv",
        f"sales_{DAY} (1).csv", f"sales_{DAY}.csv.bz2", f"sales_{DAY}.csv.filepart",
        f"SALES_{DAY}.csv", f"copy of sales_{DAY}.csv", f"sales_{LOAD_DATE}.csv",
        f"sales-{LOAD_DATE:%Y_%m_%d}.csv", f"sales_{DAY}020000.csv", f"more/sales_{DAY}-2.csv",
        f"a/b/sales_{DAY}.csv.tmp", f"store_{DAY}.xlsx",
    ],
)  # fmt: skip
def test_a_file_that_nearly_fits_stops_the_night(landing: Path, name: str) -> None:
    path = f"sales/load_date={LOAD_DATE}/{name}"
    put(landing, path)
    text = fault(landing)
    table = "store" if name.startswith("store") else "sales"
    expected = f"{table}/load_date={LOAD_DATE}/{table}_{DAY}.csv, {table}_{DAY}_2.csv"
    assert f"{path} fits no file of the night: {expected}" in text


@pytest.mark.parametrize(
    "path",
    [
        f"Sales/load_date={LOAD_DATE}/sales_{DAY}_2.csv",
        f"SALES/load_date={LOAD_DATE}/sales_{DAY}-2.csv",
        f"sales/LOAD_DATE={LOAD_DATE}/sales_{DAY}_2.csv",
        f"sales_{DAY}-2.csv",
        f"sales/sales_{DAY} (1).csv",
    ],
)
def test_so_does_one_in_a_folder_of_other_letter_case_or_above(landing: Path, path: str) -> None:
    put(landing, path)
    assert f"{path} fits no file of the night" in fault(landing)


@pytest.mark.parametrize("has_manifest", [True, False])
def test_in_a_flat_landing_too(tmp_path: Path, has_manifest: bool) -> None:
    written(tmp_path, manifest=has_manifest, flat=True)
    (tmp_path / f"sales_{DAY}.csv.filepart").write_bytes(b"x")
    text = fault(tmp_path)
    assert f"sales_{DAY}.csv.filepart fits no file of the night: sales_{DAY}.csv," in text


def test_one_of_another_night_does_not(by_names: Path) -> None:
    put(by_names, f"sales/load_date={LOAD_DATE}/sales_20260113-2.csv")
    assert "sales_20260113-2.csv" in opened(by_names).warnings[0]


def test_a_night_where_nothing_but_a_near_fit_lies_is_refused_by_name(by_names: Path) -> None:
    put(by_names, "sales/load_date=2026-01-15/sales_20260115 (1).csv")
    assert Landing.scan(str(by_names), RETAIL).nights == [LOAD_DATE, date(2026, 1, 15)]
    assert opened(by_names).warnings == ()
    assert "sales_20260115 (1).csv fits no file" in fault(by_names, date(2026, 1, 15))


@pytest.mark.parametrize(
    "path",
    ["sales_20260115 (1).csv", "sales/load_date=2026-01-15/rows.csv", "sales/sales_20260115.csv"],
)
def test_what_makes_no_night_is_a_warning_of_every_night(by_names: Path, path: str) -> None:
    put(by_names, path)
    assert opened(by_names).warnings == (f"not read, as they fit no file of any night: {path}",)
    text = fault(by_names, date(2026, 1, 15))
    assert text.endswith(
        f"the newest are: 2026-01-14; not read, as they fit no file of any night: {path}"
    )


# --- copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        f"sales/load_date={LOAD_DATE}/more/sales_{DAY}_2.csv",
        f"store/load_date={LOAD_DATE}/sales_{DAY}_2.csv",
        f"sales/sales_{DAY}_2.csv",
    ],
)
def test_a_fitting_file_in_the_wrong_folder_stops_a_night_without_a_manifest(
    by_names: Path, path: str
) -> None:
    put(by_names, path)
    text = fault(by_names)
    assert f"{path} lies in the wrong folder: move it to sales/load_date={LOAD_DATE}/" in text


def test_with_a_manifest_it_is_a_copy(by_manifest: Path) -> None:
    path = f"sales/load_date={LOAD_DATE}/old/sales_{DAY}.csv"
    put(by_manifest, path)
    night = opened(by_manifest)
    assert paths(night, by_manifest)[0] == SALES
    assert night.warnings == (f"not read, as they do not lie in their table's folder: {path}",)


def test_a_namesake_elsewhere_never_wins(landing: Path) -> None:
    expected = paths(opened(landing), landing)
    shutil.copytree(landing / "sales", landing / "backup" / "sales")
    shutil.copytree(landing / "sales", landing / "zzz" / f"load_date={LOAD_DATE}")
    put(landing, f"zzz/manifest_{DAY}.json", b"{}")
    night = opened(landing)
    assert paths(night, landing) == expected
    assert night.warnings == ()


def test_the_manifest_in_its_folder_counts_before_one_in_the_root(by_manifest: Path) -> None:
    put(by_manifest, f"manifest_{DAY}.json", b"{}")
    night = opened(by_manifest)
    assert night.manifest_path == str(by_manifest / MANIFEST)


def test_a_file_in_its_folder_counts_before_one_in_the_root(by_manifest: Path) -> None:
    put(by_manifest, f"sales_{DAY}.csv", b"other")
    night = opened(by_manifest)
    assert paths(night, by_manifest)[0] == SALES
    assert night.warnings == (f"sales_{DAY}.csv is not in the manifest and was ignored",)


# --- by-products and strangers -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "_SUCCESS", "_started_7", "_committed_7", ".hidden", f".sales_{DAY}.csv.crc",
        f".sales_{DAY}.csv.tmp", f"sales_{DAY}.csv.md5", f"sales_{DAY}.csv.sha256", "MD5SUMS",
        "sha256sums.txt", f"load_date={LOAD_DATE}_$folder$", f".snapshot/sales_{DAY}-2.csv",
    ],
)  # fmt: skip
def test_by_products_are_never_mentioned(landing: Path, name: str) -> None:
    put(landing, f"sales/load_date={LOAD_DATE}/{name}")
    put(landing, name)
    assert opened(landing).warnings == ()


def test_strange_files_are_named_in_one_warning(landing: Path) -> None:
    for number in range(7):
        put(landing, f"store/load_date={LOAD_DATE}/notes {number}.txt")
    put(landing, "unrelated.txt")
    (warning,) = opened(landing).warnings
    folder = f"store/load_date={LOAD_DATE}"
    names = ", ".join(f"{folder}/notes {number}.txt" for number in range(5))
    assert warning == f"not read, as their names fit no file of the night: {names} and 2 more"


def test_so_are_those_in_a_flat_landing(tmp_path: Path) -> None:
    written(tmp_path, manifest=True, flat=True)
    written(tmp_path, manifest=True, flat=True, day=date(2026, 1, 13))
    (tmp_path / "notes.txt").write_text("x")
    (warning,) = opened(tmp_path).warnings
    assert warning.endswith(": notes.txt")


def test_a_name_that_is_no_utf_8_can_be_told(landing: Path) -> None:
    folder = (
        os.fsencode(landing / f"sales/load_date={LOAD_DATE}/caf\u00e9").decode().encode("latin-1")
    )
    Path(os.fsdecode(folder)).mkdir()
    Path(os.fsdecode(folder + b"/x")).write_bytes(b"x")
    (warning,) = opened(landing).warnings
    assert warning.encode().endswith(rb"caf\xe9/x")


# --- nothing fits --------------------------------------------------------------------------------


def test_a_table_without_a_file_tells_what_lies_there(landing: Path) -> None:
    (landing / SALES).rename(landing / SALES.replace(f"sales_{DAY}", "part-0"))
    (landing / "Sales.txt").write_text("x")
    told = f"; what lies there: Sales.txt, sales/load_date={LOAD_DATE}/part-0.csv"
    assert fault(landing).endswith(told)


def test_a_landing_without_a_night_tells_what_lies_there(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.csv").write_text("x")
    for folder in ("Reports", "sales/2026-01-14", ".git"):
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(LandingError) as caught:
        Landing.scan(str(tmp_path), RETAIL)
    assert "8.csv, Reports/ and 1 more" in str(caught.value)


def test_an_empty_landing_is_told(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="What lies there: nothing"):
        Landing.scan(str(tmp_path), RETAIL)


# --- links ---------------------------------------------------------------------------------------


def test_links_are_followed(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    share = tmp_path_factory.mktemp("share")
    expected = paths(opened(landing), landing)
    for path in ("sales", f"store/load_date={LOAD_DATE}", f"calendar/load_date={LOAD_DATE}"):
        (landing / path).rename(share / Path(path).parts[0])
        (landing / path).symlink_to(share / Path(path).parts[0])
    assert paths(opened(landing), landing) == expected


def test_a_link_to_a_folder_around_it_is_not_followed(landing: Path) -> None:
    (landing / SALES).with_name("round").symlink_to(landing / "sales")
    (landing / "sales" / "load_date=2026-01-15").symlink_to(landing)
    assert opened(landing).warnings == ()


def test_folders_without_end_stop_the_night(landing: Path) -> None:
    deep = (landing / SALES).parent.joinpath(*["x"] * 8)
    deep.mkdir(parents=True)
    assert f"{deep.relative_to(landing)} cannot be read: it lies too deep" in fault(landing)


# --- elsewhere than on this machine --------------------------------------------------------------


@pytest.mark.parametrize("uri", ["foo://lake/landing", "smb://host/landing", "github://landing"])
def test_a_landing_on_an_unknown_file_system_is_told_in_one_line(uri: str) -> None:
    with pytest.raises(LandingError, match=f"the landing {uri} cannot be opened, .*: .") as caught:
        Landing.scan(uri, RETAIL)
    assert "\n" not in str(caught.value)
