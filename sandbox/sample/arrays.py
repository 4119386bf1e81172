"""Array types and exact number columns shared by the modules.

All numbers are integers until they are printed: quantities in thousandths ("milli"), money in
cents, costs in ten-thousandths ("e4").
"""

from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MILLI = 1000


def exact(column: str, places: int) -> pl.Expr:
    """Integer `column` in units of 10**-places as an exact decimal column of the same name."""
    unit = pl.lit(Decimal(1).scaleb(-places), dtype=pl.Decimal(18, places))
    return (pl.col(column).cast(pl.Decimal(18, 0)) * unit).cast(pl.Decimal(18, places))


def as_dates(column: str) -> pl.Expr:
    """Integer `column` of days since 1970-01-01 as a date column of the same name."""
    return pl.col(column).cast(pl.Int32).cast(pl.Date)
