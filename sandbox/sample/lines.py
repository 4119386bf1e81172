"""Sales lines: what was sold of a product on a day, split over shoppers' receipts.

The frames of this module hold integers (see `arrays`); `sales_table` makes the raw table of them.
"""

import numpy as np
import polars as pl

from .arrays import MILLI, Ints, as_dates, exact
from .catalog import Products, Stores
from .demand import MAX_LINES_A_DAY, Demand, Pairs
from .stock import Stock

# A receipt number is its day, store and receipt of the day written one after another, so it stays
# the same in every dump and whatever else is sold.
RECEIPTS_A_DAY = 100_000
STORES_IN_NUMBER = 10_000
# Of these the last tenth is never used by the shops.
FREE_RECEIPTS = 90_000
OPENING_HOUR, CLOSING_HOUR = 8, 21
ONE_ONLINE_IN = 25
RECEIPT_STEP = 11


def sales_lines(
    demand: Demand,
    stock: Stock,
    return_lag: Ints,
    days: Ints,
    pairs: Pairs,
    stores: Stores,
    products: Products,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """One row per line of a receipt, returns included.

    days: (days,), since 1970-01-01; return_lag: (pairs,), days between a purchase and its return.
    """
    cell, quantity, line_number = _split(stock.sold, demand.portion, products, pairs, rng)
    row, pair = np.divmod(cell, len(pairs))
    price_row = row

    back_row, back_pair = np.nonzero(stock.returned)
    bought_row = back_row - return_lag[back_pair]
    quantity = np.concatenate([quantity, -stock.returned[back_row, back_pair]])
    price_row = np.concatenate([price_row, bought_row])
    row, pair = np.concatenate([row, back_row]), np.concatenate([pair, back_pair])

    # Few enough receipts that many hold several products. Lines of one product on one day go to
    # different receipts, so that the key is unique: the number of receipts is more than a product
    # has lines, and has no factor in common with the step. Returns have receipts of their own.
    receipts = min(max(MAX_LINES_A_DAY, len(products.keys) // 8), FREE_RECEIPTS // 3)
    receipts = receipts // RECEIPT_STEP * RECEIPT_STEP + RECEIPT_STEP + 1
    first_receipt = rng.integers(0, receipts, stock.sold.size)[cell]
    receipt = np.concatenate(
        [(first_receipt + line_number * RECEIPT_STEP) % receipts, receipts + back_pair % receipts]
    )
    hours = CLOSING_HOUR - OPENING_HOUR
    hour = OPENING_HOUR + (receipt % receipts) * hours // receipts
    store = pairs.store[pair]
    number = (days[row] * STORES_IN_NUMBER + store) * RECEIPTS_A_DAY + receipt

    price = demand.price[price_row, pair]
    amount = _round_milli(quantity * price)
    cost = _round_milli(quantity * products.cost[pairs.product[pair]])
    online = ((days[row] + store * 3 + receipt * 7) % ONE_ONLINE_IN == 0) & (quantity > 0)
    frame = pl.DataFrame(
        {
            "TRANS_ID": number,
            "PROD_KEY": products.keys[pairs.product[pair]],
            "STORE_KEY": stores.keys[store],
            "TRANS_DT": days[row],
            "TRANS_TIME": hour,
            "SALES_QTY": quantity,
            "SALES_PRICE": price,
            "SALES_AMT": amount,
            "DISCOUNT": _round_milli(quantity * demand.list_price[price_row, pair]) - amount,
            "SALES_COST": cost,
            "SALES_MGRN": amount * 100 - cost,
            "SHIP_COST": np.where(online, 120 + number % 7 * 45, 0),
        }
    )
    return frame.sort("TRANS_DT", "TRANS_ID", "PROD_KEY")


def _split(
    sold: Ints, portion: Ints, products: Products, pairs: Pairs, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Split each day's sales into portions.

    sold and portion: (days, pairs). Returns per line its flat cell in that matrix, its thousandths
    and its number within the cell; the quantities of a cell add up to what was sold.
    """
    cells = np.flatnonzero(sold)
    total, size = sold.ravel()[cells], portion.ravel()[cells]
    count = -(-total // size)
    cell, size, last = np.repeat(cells, count), np.repeat(size, count), np.repeat(count - 1, count)
    number = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
    quantity = np.where(number < last, size, np.repeat(total, count) - last * size)

    # Two shoppers never weigh the same: of each two full portions one gives the other a little.
    weighed = products.by_weight[pairs.product[cell % len(pairs)]]
    givers = np.flatnonzero(weighed & (number % 2 == 0) & (number + 1 < last))
    gift = (size[givers] * rng.uniform(-0.3, 0.3, len(givers))).astype(np.int64)
    quantity[givers] -= gift
    quantity[givers + 1] += gift
    return cell, quantity, number


def _round_milli(product: Ints) -> Ints:
    """Divide by 1000 and round half away from zero."""
    rounded: Ints = np.sign(product) * ((np.abs(product) + MILLI // 2) // MILLI)
    return rounded


def reprice(lines: pl.DataFrame) -> pl.DataFrame:
    """The same lines at nine tenths of the price, as a correction by the head office."""
    price = pl.col("SALES_PRICE") * 9 // 10
    amount = (pl.col("SALES_QTY").abs() * price + MILLI // 2) // MILLI * pl.col("SALES_QTY").sign()
    return lines.with_columns(
        SALES_PRICE=price,
        SALES_AMT=amount,
        DISCOUNT=pl.col("DISCOUNT") + pl.col("SALES_AMT") - amount,
        SALES_MGRN=amount * 100 - pl.col("SALES_COST"),
    )


def sales_table(lines: pl.DataFrame) -> pl.DataFrame:
    """Dates and exact decimals in place of the integers; other columns stay."""
    return lines.with_columns(
        as_dates("TRANS_DT"),
        exact("SALES_QTY", 3),
        *(exact(name, 2) for name in ("SALES_PRICE", "SALES_AMT", "DISCOUNT", "SHIP_COST")),
        *(exact(name, 4) for name in ("SALES_COST", "SALES_MGRN")),
    )
