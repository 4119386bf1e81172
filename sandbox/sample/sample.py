"""What a sample consists of, whichever source it comes from."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from .landing import Night


@dataclass(frozen=True)
class Block:
    """Some store-products over all days: version frames (see `versions`) of raw columns.

    uncounted: inventory rows of days that were not counted, of which dirt is made.
    """

    sales: pl.DataFrame
    inventory: pl.DataFrame
    uncounted: pl.DataFrame


@dataclass(frozen=True)
class Sample:
    """Everything to write. Blocks are made one by one while they are written, to bound memory.

    sales_columns: header of the sales files; sales_are_real: their lines are kept as they are.
    """

    nights: list[Night]
    store: pl.DataFrame
    product: pl.DataFrame
    calendar: pl.DataFrame
    sales_columns: list[str]
    sales_are_real: bool
    block_count: int
    blocks: Iterator[Block]
