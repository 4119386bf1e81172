"""Inventory rows: what of the simulated stock is counted and reported.

The frames of this module hold integers (see `arrays`); `inventory_table` makes the raw table.
"""

import numpy as np
import polars as pl

from .arrays import MILLI, Bools, Ints, as_dates, exact
from .demand import weekday
from .stock import NO_DAY, Stock

COUNT_ERROR_SHARE = 0.003
UNREADABLE_SHARE = 0.002
MISSED_SHARE = 0.004


def counted_cells(days: Ints, pairs: int, rng: np.random.Generator) -> Bools:
    """Which store-products are counted when, (days, pairs): most daily, some only now and then.

    One in twenty is counted on Tuesdays and Fridays, one in twenty-five never on a Saturday (the
    last day of the week), one in a hundred on Thursdays only; a few counts are missed.
    """
    habit = rng.random(pairs)
    day = weekday(days)[:, None]
    counted = rng.random((len(days), pairs)) >= MISSED_SHARE
    counted &= (habit >= 0.05) | (day == 2) | (day == 5)
    counted &= (habit < 0.05) | (habit >= 0.09) | (day != 6)
    counted &= (habit < 0.09) | (habit >= 0.10) | (day == 4)
    return counted


def inventory_rows(
    stock: Stock,
    cells: Bools,
    days: Ints,
    store_keys: Ints,
    product_keys: Ints,
    on_promotion: Bools,
    by_weight: Bools,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """One row per chosen cell, in date order, with small count errors and a few null counts.

    cells and on_promotion: (days, pairs); days: (days,); the keys and by_weight: (pairs,).
    """
    row, pair = np.nonzero(cells)
    count = len(row)
    error = (rng.random(count) < COUNT_ERROR_SHARE) * rng.choice([-1, 1], count)
    on_hand = stock.on_hand[row, pair] + error * np.where(by_weight[pair], 100, MILLI)
    frame = pl.DataFrame(
        {
            "CAL_DT": days[row],
            "STORE_KEY": store_keys[pair],
            "PROD_KEY": product_keys[pair],
            "INVENTORY_ON_HAND_QTY": on_hand,
            "INVENTORY_ON_ORDER_QTY": stock.on_order[row, pair],
            "OUT_OF_STOCK_FLG": stock.out_of_stock[row, pair].astype(np.int8),
            "WASTE_QTY": stock.waste[row, pair],
            "PROMOTION_FLG": on_promotion[row, pair].astype(np.int8),
            "NEXT_DELIVERY_DT": stock.next_delivery[row, pair],
            "_unreadable": rng.random(count) < UNREADABLE_SHARE,
        }
    )
    on_hand_known = pl.when(~pl.col("_unreadable")).then("INVENTORY_ON_HAND_QTY")
    delivery_known = pl.when(pl.col("NEXT_DELIVERY_DT") != NO_DAY).then("NEXT_DELIVERY_DT")
    return frame.with_columns(
        INVENTORY_ON_HAND_QTY=on_hand_known, NEXT_DELIVERY_DT=delivery_known
    ).drop("_unreadable")


def recount(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows after somebody counted again and found two more, or one where all was out."""
    more = pl.when(pl.col("OUT_OF_STOCK_FLG") == 1).then(MILLI).otherwise(2 * MILLI)
    return rows.with_columns(pl.col("INVENTORY_ON_HAND_QTY").fill_null(0) + more)


def inventory_table(rows: pl.DataFrame) -> pl.DataFrame:
    """Dates and exact decimals in place of the integers; other columns stay."""
    return rows.with_columns(
        as_dates("CAL_DT"),
        as_dates("NEXT_DELIVERY_DT"),
        *(
            exact(name, 3)
            for name in ("INVENTORY_ON_HAND_QTY", "INVENTORY_ON_ORDER_QTY", "WASTE_QTY")
        ),
    )
