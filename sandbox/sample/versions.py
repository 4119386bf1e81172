"""Late corrections: from which night on, and until which night, a row is in the dumps.

A version frame is a table with three more columns: DAY (business date as days since 1970-01-01),
SINCE and UNTIL (index of the first night that has the row, and of the first that no longer does).
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from .arrays import Ints
from .landing import Night, day_number

DAY, SINCE, UNTIL = "_day", "_since", "_until"
FOREVER = 2**31 - 1
CORRECTED_SHARE = 0.0005


def versioned(frame: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """`frame` with all rows in all nights whose dates hold them; days: one per row."""
    return frame.with_columns(
        days.cast(pl.Int64).alias(DAY),
        pl.lit(0, dtype=pl.Int64).alias(SINCE),
        pl.lit(FOREVER, dtype=pl.Int64).alias(UNTIL),
    )


def correct_late(
    frame: pl.DataFrame,
    nights: Sequence[Night],
    change: Callable[[pl.DataFrame], pl.DataFrame],
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Let each later night change, withdraw and add a few rows of days dumped before."""
    days = frame[DAY].to_numpy()
    since = np.zeros(len(frame), np.int64)
    until = np.full(len(frame), FOREVER, np.int64)
    changed_rows: list[pl.DataFrame] = []
    for index, night in enumerate(nights[1:], start=1):
        newest_known = day_number(nights[index - 1].last_date)
        first = day_number(night.first_date)
        free = (since == 0) & (until == FOREVER)
        eligible = np.flatnonzero((days >= first) & (days <= newest_known) & free)
        changed, withdrawn, added = _pick(eligible, rng)
        until[changed] = until[withdrawn] = index
        since[added] = index
        new = change(frame[changed]).with_columns(pl.lit(index, dtype=pl.Int64).alias(SINCE))
        changed_rows.append(new)
    frame = frame.with_columns(pl.Series(SINCE, since), pl.Series(UNTIL, until))
    return pl.concat([frame, *changed_rows])


def _pick(eligible: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Three disjoint handfuls of row indices, of at least one row each where there are enough."""
    handful = 1 + round(len(eligible) * CORRECTED_SHARE)
    picked = rng.choice(eligible, min(3 * handful, len(eligible)), replace=False)
    return picked[:handful], picked[handful : 2 * handful], picked[2 * handful :]


def rows_of_night(frame: pl.DataFrame, nights: Sequence[Night], index: int) -> pl.DataFrame:
    """The rows of a version frame that night `index` dumps."""
    night = nights[index]
    return frame.filter(
        pl.col(DAY).is_between(day_number(night.first_date), day_number(night.last_date)),
        pl.col(SINCE) <= index,
        pl.col(UNTIL) > index,
    )
