"""Demand: what shoppers would buy of each product in each store on each day.

Matrices have shape (days, pairs): a pair is one product in one store.
"""

from dataclasses import dataclass

import numpy as np

from .arrays import MILLI, Bools, Floats, Ints
from .catalog import Products, Stores

# Sunday to Saturday.
WEEKDAY_FACTOR = np.array([1.15, 0.82, 0.82, 0.86, 0.95, 1.15, 1.25])
PROMOTION_SHARE = 0.08
PROMOTION_LIFT = 1.9
MAX_LINES_A_DAY = 30


@dataclass(frozen=True)
class Pairs:
    """The store and product index of each pair, both of shape (pairs,)."""

    store: Ints
    product: Ints

    def __len__(self) -> int:
        return len(self.store)


@dataclass(frozen=True)
class Trends:
    """What all stores share: one row per day.

    level: demand factor by day and category; discount: promotion discount in percent by day and
    product, 0 without a promotion.
    """

    level: Floats
    discount: Ints


@dataclass(frozen=True)
class Demand:
    """Matrices (days, pairs): wanted and portion in thousandths, prices in cents.

    mean (pairs,): expected thousandths a day without promotions, which the buyer plans with.
    """

    wanted: Ints
    portion: Ints
    price: Ints
    list_price: Ints
    on_promotion: Bools
    mean: Floats


def weekday(days: Ints) -> Ints:
    """0 for Sunday to 6 for Saturday; days count from 1970-01-01, a Thursday."""
    return (days + 4) % 7


def make_trends(days: Ints, products: Products, rng: np.random.Generator) -> Trends:
    """Weekdays, seasons of the year, weeks that go well or badly, and promotions.

    days has shape (days,) and counts from 1970-01-01.
    """
    week = (days + 4) // 7
    week = week - week[0]
    weeks = int(week[-1]) + 1
    categories = int(products.category.max()) + 1

    peak = rng.uniform(0, 365, categories)
    season = 1 + 0.18 * np.cos(2 * np.pi * (days[:, None] - peak) / 365.25)
    week_luck = np.exp(rng.normal(0.0, 0.07, (weeks, categories)))[week]
    level = season * week_luck * WEEKDAY_FACTOR[weekday(days)][:, None]

    promoted = rng.random((weeks, len(products.keys))) < PROMOTION_SHARE
    percent = rng.choice([10, 15, 20, 25, 30], size=promoted.shape)
    return Trends(level=level, discount=np.where(promoted, percent, 0)[week].astype(np.int64))


def make_demand(
    pairs: Pairs, stores: Stores, products: Products, trends: Trends, rng: np.random.Generator
) -> Demand:
    """Random demand of `pairs` on the days of `trends`."""
    count = len(pairs)
    local_taste = np.exp(rng.normal(-0.06, 0.35, count))
    base = products.lines_per_day[pairs.product] * stores.traffic[pairs.store] * local_taste
    discount = trends.discount[:, pairs.product]
    on_promotion = discount > 0

    rate = trends.level[:, products.category[pairs.product]] * base
    rate[on_promotion] *= PROMOTION_LIFT
    lines = np.minimum(rng.poisson(rate), MAX_LINES_A_DAY)

    by_weight = products.by_weight[pairs.product]
    units = 1 + (rng.random(rate.shape) < 0.15).astype(np.int64)
    grams = (products.portion[pairs.product] * rng.uniform(0.6, 1.4, rate.shape)).astype(np.int64)
    portion = np.where(by_weight, grams, units * MILLI)

    list_price = products.price[pairs.product] * stores.price_zone[pairs.store] // 100
    list_price = np.broadcast_to(list_price, rate.shape)
    return Demand(
        wanted=lines * portion,
        portion=portion,
        price=list_price * (100 - discount) // 100,
        list_price=list_price,
        on_promotion=on_promotion,
        mean=base * np.where(by_weight, products.portion[pairs.product], 1.15 * MILLI),
    )
