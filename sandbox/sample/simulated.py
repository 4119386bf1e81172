"""A sample that is simulated as a whole: shoppers, promotions, orders and counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

import numpy as np

from .arrays import MILLI, Bools, Ints
from .calendar import calendar_frame
from .catalog import Products, Stores, make_products, make_stores
from .columns import COLUMNS
from .demand import Demand, Pairs, Trends, make_demand, make_trends
from .dirt import add_unknown_product
from .inventory import counted_cells, inventory_rows, inventory_table, recount
from .landing import Night, day_number
from .lines import reprice, sales_lines, sales_table
from .sample import Block, Sample
from .stock import Policy, ReturnsOfDay, simulate
from .versions import correct_late, versioned

# Days simulated before the first dumped one, so that orders are on their way from its start.
WARM_UP_DAYS = 21
CELLS_IN_BLOCK = 500_000
RETURN_SHARE = 0.008
CALENDAR_YEARS_AROUND = 2


class Stream(IntEnum):
    """Independent random streams of one seed."""

    STORES = 0
    PRODUCTS = 1
    TRENDS = 2
    BLOCKS = 3


@dataclass(frozen=True)
class Scope:
    """The size of a simulated sample."""

    stores: int
    products: int
    seed: int
    dirty: bool


def simulated_sample(scope: Scope, nights: list[Night]) -> Sample:
    """Simulate all days from the oldest to the newest that the nights cover."""
    first, last = min(night.first_date for night in nights), nights[-1].last_date
    start = first - timedelta(days=WARM_UP_DAYS)
    days = np.arange(day_number(start), day_number(last) + 1, dtype=np.int64)

    stores = make_stores(scope.stores, np.random.default_rng([scope.seed, Stream.STORES]))
    products = make_products(scope.products, np.random.default_rng([scope.seed, Stream.PRODUCTS]))
    trends = make_trends(days, products, np.random.default_rng([scope.seed, Stream.TRENDS]))

    pair_count = scope.stores * scope.products
    block_size = max(CELLS_IN_BLOCK // len(days), 1)
    starts = range(0, pair_count, block_size)

    def blocks() -> Iterator[Block]:
        for number, begin in enumerate(starts):
            pair = np.arange(begin, min(begin + block_size, pair_count), dtype=np.int64)
            yield _block(
                Pairs(store=pair // scope.products, product=pair % scope.products),
                stores,
                products,
                trends,
                days,
                nights,
                with_unknown_product=scope.dirty and number == 0,
                rng=np.random.default_rng([scope.seed, Stream.BLOCKS, number]),
            )

    return Sample(
        nights=nights,
        store=stores.frame,
        product=products.frame,
        calendar=calendar_frame(
            first.year - CALENDAR_YEARS_AROUND, last.year + CALENDAR_YEARS_AROUND
        ),
        sales_columns=list(COLUMNS["sales"]),
        sales_are_real=False,
        block_count=len(starts),
        blocks=blocks(),
    )


def _block(
    pairs: Pairs,
    stores: Stores,
    products: Products,
    trends: Trends,
    days: Ints,
    nights: Sequence[Night],
    *,
    with_unknown_product: bool,
    rng: np.random.Generator,
) -> Block:
    demand = make_demand(pairs, stores, products, trends, rng)
    policy = make_policy(demand, pairs, products, rng)
    return_lag = rng.integers(1, 8, len(pairs))
    returns = random_returns(demand, policy.by_weight, return_lag, rng)
    stock = simulate(demand.wanted, days, policy, returns, rng)

    lines = sales_lines(demand, stock, return_lag, days, pairs, stores, products, rng)
    lines = lines.filter(lines["TRANS_DT"] >= days[WARM_UP_DAYS])

    counted = counted_cells(days, len(pairs), rng)
    dumped = np.arange(len(days))[:, None] >= WARM_UP_DAYS

    keys = (stores.keys[pairs.store], products.keys[pairs.product])
    rows, uncounted = (
        inventory_rows(stock, cells, days, *keys, demand.on_promotion, policy.by_weight, rng)
        for cells in (counted & dumped, ~counted & dumped)
    )
    sales = correct_late(versioned(lines, lines["TRANS_DT"]), nights, reprice, rng)
    inventory = correct_late(versioned(rows, rows["CAL_DT"]), nights, recount, rng)
    if with_unknown_product:
        sales = add_unknown_product(sales)
    return Block(
        sales=sales_table(sales),
        inventory=inventory_table(inventory),
        uncounted=inventory_table(versioned(uncounted, uncounted["CAL_DT"])),
    )


def make_policy(
    demand: Demand, pairs: Pairs, products: Products, rng: np.random.Generator
) -> Policy:
    """Reorder points that cover the usual demand until delivery, some tighter than they should."""
    by_weight = products.by_weight[pairs.product]
    perishable = products.perishable[pairs.product]
    lead_days = products.lead_days[pairs.product]
    case = products.case[pairs.product]
    portion = np.where(by_weight, products.portion[pairs.product], MILLI)

    until_delivery = demand.mean * (lead_days + 1.0)
    caution = rng.normal(1.0, 0.5, len(pairs))
    reorder_point = until_delivery + caution * np.sqrt(until_delivery * portion)
    reorder_point = np.maximum(reorder_point, 0).astype(np.int64)
    reorder_point -= np.where(by_weight, 0, reorder_point % MILLI)
    usual_order = demand.mean * np.where(perishable, 3, 6)
    target = reorder_point + np.maximum(usual_order, case).astype(np.int64)
    return Policy(
        reorder_point=reorder_point,
        target=target,
        case=case,
        lead_days=lead_days,
        spoil_chance=np.where(perishable, 0.05, 0.001),
        by_weight=by_weight,
    )


def random_returns(
    demand: Demand, by_weight: Bools, lag: Ints, rng: np.random.Generator
) -> ReturnsOfDay:
    """A few shoppers bring back what they bought `lag` days ago (pairs,); never weighed goods."""
    pair = np.arange(len(lag))

    def returns_of_day(index: int, sold: Ints) -> Ints:
        bought_on = np.maximum(index - lag, 0)
        portion = demand.portion[bought_on, pair]
        comes_back = rng.random(len(lag)) < RETURN_SHARE
        comes_back &= ~by_weight & (index >= lag) & (sold[bought_on, pair] >= portion)
        return np.where(comes_back, portion, 0)

    return returns_of_day
