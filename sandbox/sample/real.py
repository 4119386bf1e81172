"""A sample around real sales lines: the lines stay as they are, only the stock is simulated.

Stock is simulated for the store-product pairs that sold (not for the rest of the product list),
from four weeks before a pair's first sale to four weeks after its last. Real sales per pair can be
very sparse: a pair is counted once a week and on the days that it sold.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from .arrays import MILLI, Bools, Ints
from .calendar import calendar_frame
from .columns import COLUMNS
from .inventory import inventory_rows, inventory_table, recount
from .landing import Night, day_number
from .sample import Block, Sample
from .simulated import CALENDAR_YEARS_AROUND, CELLS_IN_BLOCK
from .stock import Policy, simulate
from .versions import correct_late, versioned

RANGED_DAYS_AROUND = 28


def read_text(path: Path) -> pl.DataFrame:
    """A CSV file, plain or gzip, with all values as the text that they are; empty is null."""
    return pl.read_csv(path, infer_schema=False)


def read_sales(path: Path) -> pl.DataFrame:
    """Sales lines as text; a column that the raw schema wants and the file lacks is an error."""
    sales = read_text(path)
    missing = [name for name in COLUMNS["sales"] if name not in sales.columns]
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}")
    return sales


def sale_dates(sales: pl.DataFrame) -> tuple[date, date]:
    """The oldest and the newest date in TRANS_DT."""
    dates = _dates(sales)
    oldest, newest = dates.min(), dates.max()
    if not isinstance(oldest, date) or not isinstance(newest, date):
        raise ValueError("no TRANS_DT of the sales is a date (YYYY-MM-DD)")
    return oldest, newest


def _dates(sales: pl.DataFrame) -> pl.Series:
    return sales["TRANS_DT"].str.to_date("%Y-%m-%d", strict=False)


def real_sample(
    sales: pl.DataFrame, store: pl.DataFrame, product: pl.DataFrame, seed: int, nights: list[Night]
) -> Sample:
    """Add stock and calendar to sales lines, stores and products that come as text."""
    oldest, _ = sale_dates(sales)
    newest = nights[-1].last_date
    days = np.arange(day_number(oldest), day_number(newest) + 1, dtype=np.int64)
    # A line without a readable date must not be lost: the first night has it.
    day_of_line = _dates(sales).cast(pl.Int32).fill_null(day_number(nights[0].last_date))
    sold = _sold_by_pair(sales)
    pair_count = int(sold["pair"].n_unique())
    block_size = max(CELLS_IN_BLOCK // len(days), 1)
    starts = range(0, pair_count, block_size)

    def blocks() -> Iterator[Block]:
        for number, begin in enumerate(starts):
            rng = np.random.default_rng([seed, number])
            chosen = sold.filter(pl.col("pair").is_between(begin, begin + block_size - 1))
            lines = sales if number == 0 else sales.clear()
            lines_days = day_of_line if number == 0 else day_of_line.clear()
            yield _block(versioned(lines, lines_days), chosen, days, nights, rng)

    return Sample(
        nights=nights,
        store=_with_all_columns(store, "store"),
        product=_with_all_columns(product, "product"),
        calendar=calendar_frame(
            oldest.year - CALENDAR_YEARS_AROUND, newest.year + CALENDAR_YEARS_AROUND
        ),
        sales_columns=sales.columns,
        sales_are_real=True,
        block_count=len(starts),
        blocks=blocks(),
    )


def _with_all_columns(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Add raw columns that the file lacks as nulls: a dump without them would be refused."""
    missing = [name for name in COLUMNS[table] if name not in frame.columns]
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)


def _sold_by_pair(sales: pl.DataFrame) -> pl.DataFrame:
    """Sales per pair and day: STORE_KEY, PROD_KEY, day, sold, returned (thousandths), promoted.

    `pair` numbers the pairs from 0 in the order of their keys. Lines whose key, date or quantity
    cannot be read have no stock.
    """
    quantity = (pl.col("SALES_QTY").cast(pl.Float64, strict=False) * MILLI).round().cast(pl.Int64)
    return (
        sales.select(
            pl.col("STORE_KEY", "PROD_KEY").cast(pl.Int64, strict=False),
            _dates(sales).cast(pl.Int32).cast(pl.Int64).alias("day"),
            quantity.clip(lower_bound=0).alias("sold"),
            (-quantity).clip(lower_bound=0).alias("returned"),
            (pl.col("DISCOUNT").cast(pl.Float64, strict=False) > 0).alias("promoted"),
        )
        .drop_nulls(["STORE_KEY", "PROD_KEY", "day", "sold"])
        .group_by("STORE_KEY", "PROD_KEY", "day")
        .agg(pl.col("sold", "returned").sum(), pl.col("promoted").any())
        .sort("STORE_KEY", "PROD_KEY", "day")
        .with_columns(pair=pl.struct("STORE_KEY", "PROD_KEY").rle_id().cast(pl.Int64))
    )


def _block(
    lines: pl.DataFrame,
    sold: pl.DataFrame,
    days: Ints,
    nights: Sequence[Night],
    rng: np.random.Generator,
) -> Block:
    """Simulate the stock of the pairs in `sold`."""
    sold = sold.with_columns(pl.col("pair") - pl.col("pair").min())
    keys = sold.unique("pair", keep="first", maintain_order=True)
    shape = (len(days), keys.height)

    in_time = sold.filter(pl.col("day") <= days[-1])
    row, pair = (in_time["day"] - days[0]).to_numpy(), in_time["pair"].to_numpy()
    wanted, returned = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    promoted = np.zeros(shape, np.bool_)
    wanted[row, pair] = in_time["sold"].to_numpy()
    returned[row, pair] = in_time["returned"].to_numpy()
    promoted[row, pair] = in_time["promoted"].to_numpy()

    span = sold.group_by("pair", maintain_order=True).agg(
        pl.col("day").min().alias("first"), pl.col("day").max().alias("last")
    )
    ranged = days[:, None] >= span["first"].to_numpy() - RANGED_DAYS_AROUND
    ranged &= days[:, None] <= span["last"].to_numpy() + RANGED_DAYS_AROUND

    policy = _policy(wanted, ranged, rng)
    stock = simulate(wanted, days, policy, lambda index, _: returned[index], rng, serve_all=True)

    count_day = rng.integers(0, 7, keys.height)
    counted = ranged & ((days[:, None] % 7 == count_day) | (wanted > 0))
    rows, uncounted = (
        inventory_rows(
            stock,
            cells,
            days,
            keys["STORE_KEY"].to_numpy(),
            keys["PROD_KEY"].to_numpy(),
            promoted,
            policy.by_weight,
            rng,
        )
        for cells in (counted, ranged & ~counted)
    )
    inventory = correct_late(versioned(rows, rows["CAL_DT"]), nights, recount, rng)
    return Block(
        sales=lines,
        inventory=inventory_table(inventory),
        uncounted=inventory_table(versioned(uncounted, uncounted["CAL_DT"])),
    )


def _policy(wanted: Ints, ranged: Bools, rng: np.random.Generator) -> Policy:
    """A small shelf for what sells rarely, one for some days for what sells often.

    wanted, ranged: (days, pairs).
    """
    pairs: int = wanted.shape[1]
    selling_days = np.maximum((wanted > 0).sum(axis=0), 1)
    total = wanted.sum(axis=0)
    usual_sale = np.maximum(total // selling_days // MILLI * MILLI, MILLI)
    lead_days = rng.integers(1, 4, pairs)
    a_day = total / np.maximum(ranged.sum(axis=0), 1)
    reorder_point = (a_day * (lead_days + 1) * 1.3).astype(np.int64) // MILLI * MILLI
    target = reorder_point + usual_sale * rng.integers(1, 5, pairs)
    return Policy(
        reorder_point=reorder_point,
        target=target,
        case=usual_sale,
        lead_days=lead_days,
        spoil_chance=np.full(pairs, 0.002),
        by_weight=np.zeros(pairs, np.bool_),
    )
