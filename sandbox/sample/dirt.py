"""A little dirt: rows that do not fit, as real dumps have them.

Dirty rows are always additional ones, under keys that no good row has (receipts that no shop
uses, days that were not counted). So a dirty sample has exactly the good rows of the clean sample
of the same seed, plus a few lines of a product that the product list does not know.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from .lines import FREE_RECEIPTS, RECEIPTS_A_DAY

# Well below the share of rejected rows (1 %) at which a night stops.
LARGEST_SHARE = 0.003
UNKNOWN_PRODUCT_KEY = 99_999_999
UNKNOWN_PRODUCT_LINES = 3

Row = dict[str, str]


@dataclass(frozen=True)
class DirtyRow:
    """A row as text; cut after `fields` fields where that is given."""

    values: Row
    fields: int | None = None


def pick_rows(frame: pl.DataFrame, count: int, rng: np.random.Generator) -> list[Row]:
    """Up to `count` different random rows as text, empty where null."""
    picked = rng.choice(frame.height, min(count, frame.height), replace=False)
    text = frame[np.sort(picked).tolist()].write_csv()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def add_unknown_product(lines: pl.DataFrame) -> pl.DataFrame:
    """Add a few lines of a product that is not on the product list, from all over the time."""
    step = max(lines.height // UNKNOWN_PRODUCT_LINES, 1)
    key = pl.lit(UNKNOWN_PRODUCT_KEY, dtype=pl.Int64).alias("PROD_KEY")
    unknown = lines.gather_every(step, offset=step - 1).head(UNKNOWN_PRODUCT_LINES)
    unknown = unknown.with_columns(key)
    return pl.concat([lines, unknown])


def dirty_sales(good: Sequence[Row], load_date: date) -> list[list[DirtyRow]]:
    """Groups of rows that belong together, made from six rows that the dump has."""
    duplicate, conflict, number, key, short, tomorrow = (
        DirtyRow(row if index == 0 else _on_free_receipt(row, index))
        for index, row in enumerate(good)
    )
    return [
        [duplicate],
        [conflict, _with(conflict, SALES_AMT="0.01")],
        [_with(number, SALES_AMT="n/a")],
        [_with(key, PROD_KEY="")],
        [replace(short, fields=5)],
        [_with(tomorrow, TRANS_DT=load_date.isoformat())],
    ]


def dirty_inventory(good: Row, uncounted: Sequence[Row]) -> list[list[DirtyRow]]:
    """Groups of rows that belong together, made from a row of the dump and five that it lacks."""
    conflict, number, key, flag, short = (DirtyRow(row) for row in uncounted)
    return [
        [DirtyRow(good)],
        [conflict, _with(conflict, INVENTORY_ON_HAND_QTY="777.000")],
        [_with(number, INVENTORY_ON_HAND_QTY="12..5")],
        [_with(key, STORE_KEY="")],
        [_with(flag, OUT_OF_STOCK_FLG="2")],
        [replace(short, fields=4)],
    ]


def within_share(groups: Sequence[Sequence[DirtyRow]], rows: int) -> list[DirtyRow]:
    """As many groups as fit to a table of `rows` good rows, so that small samples load too."""
    room = int(rows * LARGEST_SHARE)
    chosen: list[DirtyRow] = []
    for group in groups:
        if len(chosen) + len(group) <= room:
            chosen.extend(group)
    return chosen


def _with(row: DirtyRow, **values: str) -> DirtyRow:
    return replace(row, values=row.values | values)


def _on_free_receipt(row: Row, index: int) -> Row:
    day_and_store = int(row["TRANS_ID"]) // RECEIPTS_A_DAY * RECEIPTS_A_DAY
    return row | {"TRANS_ID": str(day_and_store + FREE_RECEIPTS + index)}
