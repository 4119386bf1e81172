"""Stock: a reorder-point policy, simulated day by day for many store-product pairs at once.

Each day, in this order: a due delivery arrives, shoppers buy what is there, returned goods go back
on the shelf, spoilt goods are thrown away, and where what is left is at or below the reorder point
and nothing is on its way, an order is placed. Matrices have shape (days, pairs); quantities are
thousandths, days count from 1970-01-01.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import MILLI, Bools, Floats, Ints
from .demand import weekday

LATE_SHARE = 0.06
NO_DAY = -1

ReturnsOfDay = Callable[[int, Ints], Ints]
"""Thousandths that come back on a day, (pairs,), from the day's index and all sales so far."""


@dataclass(frozen=True)
class Policy:
    """How each pair is reordered; arrays of shape (pairs,), quantities in thousandths.

    reorder_point: order when the stock falls to it; target: order up to it, in whole cases;
    spoil_chance: chance a day that something is thrown away.
    """

    reorder_point: Ints
    target: Ints
    case: Ints
    lead_days: Ints
    spoil_chance: Floats
    by_weight: Bools


@dataclass(frozen=True)
class Stock:
    """What happened: matrices (days, pairs), quantities in thousandths.

    on_hand and on_order are those of the day's end. lost is demand that met an empty shelf.
    next_delivery is the promised day of the open order, NO_DAY without one; a late delivery can
    make it lie in the past.
    """

    on_hand: Ints
    on_order: Ints
    received: Ints
    sold: Ints
    lost: Ints
    returned: Ints
    waste: Ints
    out_of_stock: Bools
    next_delivery: Ints


def simulate(
    wanted: Ints,
    days: Ints,
    policy: Policy,
    returns_of_day: ReturnsOfDay,
    rng: np.random.Generator,
    *,
    serve_all: bool = False,
) -> Stock:
    """Run the policy against `wanted` (days, pairs) on `days` (days,).

    With serve_all the sales are facts: where the shelf is too empty for them, an unplanned
    delivery arrives that morning.
    """
    shape = wanted.shape
    count = shape[1]
    stock = Stock(
        on_hand=np.zeros(shape, np.int64),
        on_order=np.zeros(shape, np.int64),
        received=np.zeros(shape, np.int64),
        sold=np.zeros(shape, np.int64),
        lost=np.zeros(shape, np.int64),
        returned=np.zeros(shape, np.int64),
        waste=np.zeros(shape, np.int64),
        out_of_stock=np.zeros(shape, np.bool_),
        next_delivery=np.full(shape, NO_DAY, np.int64),
    )
    step = np.where(policy.by_weight, 1, MILLI)
    # Shelves start somewhere between the reorder point and the target.
    spread = policy.target - policy.reorder_point
    on_hand = policy.reorder_point + (spread * rng.random(count)).astype(np.int64)
    on_hand = -(-on_hand // step) * step
    on_order = np.zeros(count, np.int64)
    promised = np.full(count, NO_DAY, np.int64)
    arrival = np.full(count, NO_DAY, np.int64)

    for index, day in enumerate(days):
        arriving = arrival == day
        received = np.where(arriving, on_order, 0)
        on_order[arriving] = 0
        promised[arriving] = NO_DAY
        arrival[arriving] = NO_DAY
        if serve_all:
            received += np.maximum(wanted[index] - on_hand - received, 0)
        on_hand += received

        sold = np.minimum(wanted[index], on_hand)
        stock.sold[index] = sold
        returned = returns_of_day(index, stock.sold)
        on_hand += returned - sold

        spoilt = rng.random(count) < policy.spoil_chance
        share = rng.uniform(0.02, 0.15, count)
        waste = np.minimum(-(-(on_hand * share).astype(np.int64) // step) * step, on_hand)
        waste = np.where(spoilt & (on_hand > 0), waste, 0)
        on_hand -= waste

        order = (on_order == 0) & (on_hand <= policy.reorder_point)
        cases = np.maximum(-(-(policy.target - on_hand) // policy.case), 1)
        on_order[order] = (cases * policy.case)[order]
        due = day + policy.lead_days
        due += weekday(due) == 0
        late = (rng.random(count) < LATE_SHARE) * rng.integers(1, 8, count)
        promised[order] = due[order]
        arrival[order] = (due + late)[order]

        stock.on_hand[index] = on_hand
        stock.on_order[index] = on_order
        stock.received[index] = received
        stock.lost[index] = wanted[index] - sold
        stock.returned[index] = returned
        stock.waste[index] = waste
        stock.out_of_stock[index] = (on_hand <= 0) | (wanted[index] > sold)
        stock.next_delivery[index] = promised
    return stock
