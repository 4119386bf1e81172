"""The sample generator: what it writes is complete, consistent, believable and repeatable."""

import csv
import gzip
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sandbox.sample.__main__ import main
from sandbox.sample.arrays import MILLI
from sandbox.sample.calendar import calendar_frame
from sandbox.sample.catalog import make_products, make_stores
from sandbox.sample.columns import COLUMNS
from sandbox.sample.demand import Pairs, make_demand, make_trends
from sandbox.sample.dirt import UNKNOWN_PRODUCT_KEY
from sandbox.sample.landing import FileEntry, write_manifest
from sandbox.sample.lines import sales_lines
from sandbox.sample.simulated import make_policy, random_returns
from sandbox.sample.stock import NO_DAY, simulate

Record = dict[str, str]

NIGHTS = ("2026-11-18", "2026-11-19", "2026-11-20")
SALES_KEY = ("TRANS_ID", "PROD_KEY", "STORE_KEY", "TRANS_DT")
INVENTORY_KEY = ("CAL_DT", "STORE_KEY", "PROD_KEY")
REPOSITORY = Path(__file__).resolve().parents[3]


def read_rows(path: Path) -> list[list[str]]:
    """All records of a CSV file, the header first."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


@cache
def read_night(landing: Path, table: str, night: str) -> list[Record]:
    """The records of a table of one night that have all fields."""
    records = []
    for path in sorted((landing / table / f"load_date={night}").iterdir()):
        header, *rows = read_rows(path)
        records += [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
    return records


def contents(folder: Path) -> dict[str, bytes]:
    """All files under a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default sample."""
    landing = tmp_path_factory.mktemp("dirty")
    assert main(["--to", str(landing)]) == 0
    return landing


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default sample without dirt."""
    landing = tmp_path_factory.mktemp("clean")
    assert main(["--to", str(landing), "--clean"]) == 0
    return landing


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    size = ["--stores", "3", "--products", "20", "--gzip", "--parts", "2"]
    for name, seed in (("one", "7"), ("two", "7"), ("other", "8")):
        main(["--to", str(tmp_path / name), *size, "--seed", seed])
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_manifest_is_true(dirty: Path) -> None:
    for night in NIGHTS:
        day = night.replace("-", "")
        path = dirty / "manifest" / f"load_date={night}" / f"manifest_{day}.json"
        manifest = json.loads(path.read_text())
        assert manifest["load_date"] == night
        assert {entry["table"] for entry in manifest["files"]} == set(COLUMNS)
        for entry in manifest["files"]:
            file = dirty / entry["table"] / f"load_date={night}" / entry["file_name"]
            assert file.name == f"{entry['table']}_{day}.csv"
            assert file.stat().st_size == entry["bytes"]
            assert len(read_rows(file)) - 1 == entry["rows"] > 0
            dated = entry["table"] in ("sales", "inventory")
            assert ("first_business_date" in entry) is dated
    assert not [path for path in dirty.rglob("*") if path.name.startswith(".")]


def test_first_night_holds_the_history_and_later_nights_the_window(clean: Path) -> None:
    expected = {
        NIGHTS[0]: ("2026-09-09", "2026-11-17"),
        NIGHTS[1]: ("2026-10-15", "2026-11-18"),
        NIGHTS[2]: ("2026-10-16", "2026-11-19"),
    }
    for night, span in expected.items():
        for table, column in (("sales", "TRANS_DT"), ("inventory", "CAL_DT")):
            dates = {row[column] for row in read_night(clean, table, night)}
            assert (min(dates), max(dates)) == span


def test_another_layout_replaces_the_files_of_a_night(tmp_path: Path) -> None:
    size = ["--to", str(tmp_path), "--stores", "2", "--products", "9", "--nights", "1"]
    main([*size, "--parts", "3"])
    main([*size, "--gzip"])
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    gzipped = [f"{table}_20261120.csv.gz" for table in COLUMNS]
    assert names == sorted([*gzipped, "manifest_20261120.json"])


def test_parts_together_hold_the_same_rows(clean: Path, tmp_path: Path) -> None:
    main(["--to", str(tmp_path), "--clean", "--parts", "3"])
    folder = tmp_path / "sales" / f"load_date={NIGHTS[1]}"
    assert len(list(folder.iterdir())) == 3
    for table in ("sales", "inventory"):
        whole, parts = (read_night(path, table, NIGHTS[1]) for path in (clean, tmp_path))
        assert Counter(map(str, whole)) == Counter(map(str, parts))


def test_flat_folder_has_files_only(tmp_path: Path) -> None:
    main(["--to", str(tmp_path), "--flat", "--stores", "2", "--products", "9", "--nights", "2"])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{table}_202611{day}.csv" for table in COLUMNS for day in (19, 20)}


def test_write_manifest_names_dates_only_where_there_are_some(tmp_path: Path) -> None:
    day = date(2026, 1, 2)
    entries = [
        FileEntry("sales", "sales_20260102.csv", 10, 1, date(2026, 1, 1), date(2026, 1, 1)),
        FileEntry("store", "store_20260102.csv", 20, 2),
    ]
    path = write_manifest(tmp_path, day, entries)
    assert path == tmp_path / "manifest" / "load_date=2026-01-02" / "manifest_20260102.json"
    sales, store = json.loads(path.read_text())["files"]
    assert sales["last_business_date"] == "2026-01-01"
    assert store == {"table": "store", "file_name": "store_20260102.csv", "bytes": 20, "rows": 2}


def test_stock_follows_from_sales_deliveries_and_waste() -> None:
    rng = np.random.default_rng(1)
    days = np.arange(20_000, 20_060)
    stores, products = make_stores(3, rng), make_products(40, rng)
    number = np.arange(120)
    pairs = Pairs(store=number // 40, product=number % 40)
    demand = make_demand(pairs, stores, products, make_trends(days, products, rng), rng)
    policy = make_policy(demand, pairs, products, rng)
    lag = rng.integers(1, 8, len(pairs))
    returns = random_returns(demand, policy.by_weight, lag, rng)
    stock = simulate(demand.wanted, days, policy, returns, rng)

    change = stock.received - stock.sold + stock.returned - stock.waste
    assert (np.diff(stock.on_hand, axis=0) == change[1:]).all()
    assert (stock.on_hand >= 0).all()
    assert (stock.sold[1:] <= stock.on_hand[:-1] + stock.received[1:]).all()
    assert (stock.sold + stock.lost == demand.wanted).all()
    assert (stock.out_of_stock == ((stock.on_hand == 0) | (stock.lost > 0))).all()
    assert ((stock.on_order > 0) == (stock.next_delivery != NO_DAY)).all()
    arrived = stock.received[1:] > 0
    assert (stock.received[1:][arrived] == stock.on_order[:-1][arrived]).all()
    whole_units = ~policy.by_weight
    assert (stock.on_hand[:, whole_units] % MILLI == 0).all()
    assert stock.lost.any() and stock.waste.any() and stock.returned.any()

    lines = sales_lines(demand, stock, lag, days, pairs, stores, products, rng)
    assert lines.select(SALES_KEY).is_unique().all()
    assert lines["SALES_QTY"].sum() == (stock.sold - stock.returned).sum()
    daily = lines.group_by("TRANS_DT").agg(pl.col("SALES_QTY").sum()).sort("TRANS_DT")
    assert daily["SALES_QTY"].to_list() == (stock.sold - stock.returned).sum(axis=1).tolist()


def test_stock_outs_and_low_stock_are_believable(clean: Path) -> None:
    sold: Counter[tuple[str, ...]] = Counter()
    for row in read_night(clean, "sales", NIGHTS[0]):
        key = (row["TRANS_DT"], row["STORE_KEY"], row["PROD_KEY"])
        sold[key] += int(Decimal(row["SALES_QTY"]) * 1000)
    rows = read_night(clean, "inventory", NIGHTS[0])
    counted = [row for row in rows if row["INVENTORY_ON_HAND_QTY"]]
    low = sum(
        Decimal(row["INVENTORY_ON_HAND_QTY"]) * 1000 < sold[tuple(row[n] for n in INVENTORY_KEY)]
        for row in counted
    )
    out = sum(row["OUT_OF_STOCK_FLG"] == "1" for row in rows)
    negative = sum(row["INVENTORY_ON_HAND_QTY"].startswith("-") for row in rows)
    assert 0.92 <= 1 - out / len(rows) <= 0.97
    assert 0.01 <= low / len(counted) <= 0.10
    assert 0 < len(rows) - len(counted) < 0.01 * len(rows)
    assert negative < 0.002 * len(rows)
    assert min(Decimal(row["INVENTORY_ON_HAND_QTY"]) for row in counted) >= -1


def test_counts_are_sparse_for_some(clean: Path) -> None:
    days_of: Counter[tuple[str, str]] = Counter()
    saturdays_of: Counter[tuple[str, str]] = Counter()
    for row in read_night(clean, "inventory", NIGHTS[0]):
        pair = (row["STORE_KEY"], row["PROD_KEY"])
        days_of[pair] += 1
        saturdays_of[pair] += date.fromisoformat(row["CAL_DT"]).isoweekday() == 6
    assert len(days_of) == 8 * 60
    daily = sum(days > 60 for days in days_of.values())
    assert 0.8 < daily / len(days_of) < 1
    assert any(days < 25 for days in days_of.values())
    assert any(days > 50 and not saturdays_of[pair] for pair, days in days_of.items())


def test_sales_amounts_are_exact(clean: Path) -> None:
    rows = read_night(clean, "sales", NIGHTS[0])
    assert any("." in row["SALES_QTY"].rstrip("0").rstrip(".") for row in rows)
    assert any(row["SALES_QTY"].startswith("-") for row in rows)
    assert any(Decimal(row["DISCOUNT"]) > 0 for row in rows)
    for row in rows:
        values = [row[name] for name in COLUMNS["sales"][5:]]
        assert all(re.fullmatch(r"-?\d+\.\d{1,4}", value) for value in values)
        quantity, price, amount, _, cost, margin, _ = map(Decimal, values)
        assert abs(quantity * price - amount) <= Decimal("0.005")
        assert amount - cost == margin
        assert (amount < 0) == (quantity < 0)


@pytest.mark.parametrize(("table", "key"), [("sales", SALES_KEY), ("inventory", INVENTORY_KEY)])
def test_later_nights_correct_a_few_rows(clean: Path, table: str, key: tuple[str, ...]) -> None:
    for before, after in pairwise(NIGHTS):
        day = "TRANS_DT" if table == "sales" else "CAL_DT"
        old, new = (
            {tuple(row[name] for name in key): row for row in read_night(clean, table, night)}
            for night in (before, after)
        )
        first, last = min(row[day] for row in new.values()), max(row[day] for row in old.values())
        old = {k: row for k, row in old.items() if row[day] >= first}
        new = {k: row for k, row in new.items() if row[day] <= last}
        changed = sum(old[k] != new[k] for k in old.keys() & new.keys())
        withdrawn, added = len(old.keys() - new.keys()), len(new.keys() - old.keys())
        assert changed and withdrawn and added
        assert changed + withdrawn + added < 0.01 * len(new)


def test_dirt_is_little_and_additional(dirty: Path, clean: Path) -> None:
    for table, key in (("sales", SALES_KEY), ("inventory", INVENTORY_KEY)):
        for night in NIGHTS:
            good = Counter(
                tuple(row[n] for n in COLUMNS[table]) for row in read_night(clean, table, night)
            )
            mixed = Counter(
                tuple(row[n] for n in COLUMNS[table]) for row in read_night(dirty, table, night)
            )
            assert not good - mixed
            added = mixed - good
            known = [row for row in added if str(UNKNOWN_PRODUCT_KEY) not in row]
            assert 0 < len(known) < 0.005 * good.total()
            duplicates = [row for row in known if row in good]
            assert len(duplicates) == 1
            positions = [COLUMNS[table].index(name) for name in key]
            good_keys = {tuple(row[p] for p in positions) for row in good}
            dirty_keys = Counter(
                tuple(row[p] for p in positions) for row in known if row not in good
            )
            assert not dirty_keys.keys() & good_keys
            assert sorted(dirty_keys.values())[-1] == 2


def test_each_kind_of_dirt_occurs_every_night(dirty: Path) -> None:
    for night in NIGHTS:
        sales, inventory = (read_night(dirty, table, night) for table in ("sales", "inventory"))
        assert [row for row in sales if row["TRANS_DT"] == night]
        assert [row for row in sales if row["SALES_AMT"] == "n/a"]
        assert [row for row in sales if not row["PROD_KEY"]]
        assert [row for row in inventory if not row["STORE_KEY"]]
        assert [row for row in inventory if row["OUT_OF_STOCK_FLG"] == "2"]
        assert [row for row in inventory if row["INVENTORY_ON_HAND_QTY"] == "12..5"]
        for table in ("sales", "inventory"):
            (path,) = (dirty / table / f"load_date={night}").iterdir()
            header, *rows = read_rows(path)
            assert sum(len(row) < len(header) for row in rows) == 1
    products = {row["PROD_KEY"] for row in read_night(dirty, "product", NIGHTS[0])}
    unknown = {row["PROD_KEY"] for row in read_night(dirty, "sales", NIGHTS[0])} - products - {""}
    assert unknown == {str(UNKNOWN_PRODUCT_KEY)}


def test_only_the_newest_night_has_odd_headers(dirty: Path) -> None:
    for night in NIGHTS:
        odd = night == NIGHTS[-1]
        sales = tuple(read_night(dirty, "sales", night)[0])
        inventory = tuple(read_night(dirty, "inventory", night)[0])
        assert (sales == COLUMNS["sales"]) is not odd
        assert set(COLUMNS["sales"]) <= set(sales)
        assert (inventory == COLUMNS["inventory"]) is not odd
        assert set(inventory) == set(COLUMNS["inventory"])


def test_a_small_dirty_sample_can_still_be_loaded(tmp_path: Path) -> None:
    main(["--to", str(tmp_path), "--stores", "1", "--products", "5", "--days", "20"])
    for night in NIGHTS:
        for table, bad in (("sales", "n/a"), ("inventory", "12..5")):
            assert not [row for row in read_night(tmp_path, table, night) if bad in row.values()]


def test_names_hold_what_csv_readers_stumble_over(dirty: Path) -> None:
    products, stores = (read_night(dirty, table, NIGHTS[0]) for table in ("product", "store"))
    assert len(products) == 60 and len(stores) == 8
    assert tuple(products[0]) == COLUMNS["product"] and tuple(stores[0]) == COLUMNS["store"]
    names = [row["PROD_NAME"] for row in products]
    assert len(set(names)) == 60
    assert sum("\n" in name for name in names) == 1
    assert all(any(sign in name for name in names) for sign in (",", '"', "é"))
    assert any("," in row["ADDR"] for row in stores)
    assert any('"' in row["STORE_DESC"] for row in stores)


def test_calendar_weeks_run_sunday_to_saturday_in_one_year() -> None:
    frame = calendar_frame(2021, 2029)
    assert tuple(frame.columns) == COLUMNS["calendar"]
    weeks = frame.group_by("YR_NUM", "WK_NUM").agg(
        pl.len().alias("days"),
        pl.col("CAL_DT").min().alias("first"),
        pl.col("CAL_DT").max().alias("last"),
    )
    assert set(weeks["days"]) == {7}
    assert set(weeks["first"].dt.weekday()) == {7} and set(weeks["last"].dt.weekday()) == {6}
    assert frame["CAL_DT"].is_unique().all()
    assert (frame["CAL_DT"].diff().drop_nulls().dt.total_days() == 1).all()
    assert sorted(weeks.filter(pl.col("WK_NUM") == 53)["YR_NUM"]) == [2022, 2028]
    week = weeks.filter(pl.col("YR_NUM") == 2026, pl.col("WK_NUM") == 2)
    assert week["last"].item() == date(2026, 1, 10)


def test_calendar_covers_all_business_dates_and_years_around(dirty: Path) -> None:
    days = {row["CAL_DT"] for row in read_night(dirty, "calendar", NIGHTS[0])}
    assert min(days) < "2025" and max(days) > "2028"
    assert {row["TRANS_DT"] for row in read_night(dirty, "sales", NIGHTS[0])} <= days


REAL_LINES = """\
TRANS_ID,PROD_KEY,STORE_KEY,TRANS_DT,TRANS_TIME,SALES_QTY,SALES_PRICE,SALES_AMT,DISCOUNT,SALES_COST,SALES_MGRN,SHIP_COST,NEXTVAL
1,11,1,2017-03-01,9,2.00,1.5,3,0.10,,,,7
2,11,1,2017-03-04,9,-1.0,1.50,-1.5,0,,,,8
3,12,2,2017-03-09,23,0.25,10,2.500,,,,,9
4,9e+05,2,2017-03-09,23,1,10,"10,0",,,,,9
5,12,2,someday,1,1,1,1,,,,,10
"""


def make_real_files(folder: Path) -> Path:
    """Three small files as they come from elsewhere; returns that of the sales."""
    sales = folder / "sales_20170310.csv"
    sales.write_text(REAL_LINES)
    (folder / "store_20170310.csv").write_text("STORE_KEY,STORE_NUM\n1,1\n2,2\n")
    (folder / "product_20170310.csv").write_text("PROD_KEY,PROD_NAME\n11,Tea\n12,Ham\n13,Jam\n")
    return sales


def test_real_sales_stay_as_they_are(tmp_path: Path) -> None:
    sales = make_real_files(tmp_path)
    landing = tmp_path / "landing"
    main(["--to", str(landing), "--sales", str(sales)])
    written = landing / "sales" / "load_date=2017-03-10" / "sales_20170310.csv"
    assert written.read_text() == REAL_LINES
    inventory = read_night(landing, "inventory", "2017-03-10")
    assert {(row["STORE_KEY"], row["PROD_KEY"]) for row in inventory} == {("1", "11"), ("2", "12")}
    counted = {(row["CAL_DT"], row["PROD_KEY"]) for row in inventory}
    assert {("2017-03-01", "11"), ("2017-03-09", "12")} <= counted
    stores = read_night(landing, "store", "2017-03-10")
    assert set(stores[0]) == set(COLUMNS["store"])
    assert [row["PROD_NAME"] for row in read_night(landing, "product", "2017-03-10")] == [
        "Tea",
        "Ham",
        "Jam",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "store_20170310.csv").unlink(), "no store file"),
        (
            lambda folder: (folder / "sales_20170310.csv").write_text("TRANS_ID\n1\n"),
            "lacks the columns PROD_KEY",
        ),
    ],
)
def test_real_files_that_do_not_fit_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], object],
    message: str,
) -> None:
    sales = make_real_files(tmp_path)
    change(tmp_path)
    with pytest.raises(SystemExit):
        main(["--to", str(tmp_path / "landing"), "--sales", str(sales)])
    assert message in capsys.readouterr().err


def find_real_sales() -> Path | None:
    """Real sales lines: a file named by SHELFWEEK_REAL_SALES, or beside the repository."""
    named = os.environ.get("SHELFWEEK_REAL_SALES")
    if named:
        return Path(named)
    return next(iter(sorted((REPOSITORY.parent / "shared" / "data").rglob("sales_*.csv*"))), None)


def test_stock_around_real_sales(tmp_path: Path) -> None:
    source = find_real_sales()
    if source is None or not source.exists():
        pytest.skip("no real sales: name a file with SHELFWEEK_REAL_SALES")
    # A share of the lines: the whole file takes longer than a test may.
    lines = pl.read_csv(source, infer_schema=False).head(4000)
    sales = tmp_path / "sales.csv"
    lines.write_csv(sales)
    siblings = []
    for table in ("store", "product"):
        path = source.with_name(source.name.replace("sales", table, 1))
        siblings += [f"--{table}", str(path)]
    main(["--to", str(tmp_path / "landing"), "--sales", str(sales), *siblings])

    written = pl.read_csv(tmp_path / "landing/sales/**/*.csv", infer_schema=False)
    assert written.equals(lines)
    inventory = pl.read_csv(tmp_path / "landing/inventory/**/*.csv", infer_schema=False)
    out = inventory.filter(pl.col("OUT_OF_STOCK_FLG") == "1").height
    assert 0.85 < 1 - out / inventory.height < 0.99
