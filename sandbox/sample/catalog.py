"""Stores and products: the two lists that a sample is about, with invented names.

Both come as arrays for the simulation (one entry per store or product) and as the raw table.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from .arrays import MILLI, Bools, Floats, Ints, exact
from .columns import COLUMNS

FIRST_STORE_KEY = 101
FIRST_PRODUCT_KEY = 10_001


@dataclass(frozen=True)
class Place:
    """A town with its place in the sales organisation."""

    city: str
    state: str
    state_code: str
    postal: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Shelf:
    """A subcategory: what stands there, at which price (cents), and how it is sold."""

    category: str
    name: str
    items: tuple[str, ...]
    cheapest: int
    dearest: int
    perishable: bool = False
    by_weight: bool = False


@dataclass(frozen=True)
class Stores:
    """Arrays of shape (stores,) and the raw table.

    traffic: factor on demand, 1 for an average store; price_zone: price level in percent.
    """

    keys: Ints
    traffic: Floats
    price_zone: Ints
    frame: pl.DataFrame


@dataclass(frozen=True)
class Products:
    """Arrays of shape (products,) and the raw table.

    category: index; price: cents per unit or kilogram; cost: ten-thousandths per unit or kilogram;
    lines_per_day: sales lines a day in an average store; portion: thousandths in a usual sales
    line; case: thousandths in an order pack; lead_days: days from order to delivery.
    """

    keys: Ints
    category: Ints
    price: Ints
    cost: Ints
    lines_per_day: Floats
    portion: Ints
    case: Ints
    lead_days: Ints
    by_weight: Bools
    perishable: Bools
    frame: pl.DataFrame


PLACES = (
    Place("Montréal", "Québec", "QC", "H2X 1Y4", 45.5089, -73.5617),
    Place("Toronto", "Ontario", "ON", "M5V 2T6", 43.6426, -79.3871),
    Place("Halifax", "Nova Scotia", "NS", "B3H 1A1", 44.6488, -63.5752),
    Place("Vancouver", "British Columbia", "BC", "V6B 1A1", 49.2827, -123.1207),
    Place("Trois-Rivières", "Québec", "QC", "G9A 1A1", 46.3432, -72.5430),
    Place("Buffalo", "New York", "NY", "14202", 42.8864, -78.8784),
    Place("Ottawa", "Ontario", "ON", "K1P 1J1", 45.4215, -75.6972),
    Place("Calgary", "Alberta", "AB", "T2P 1J9", 51.0447, -114.0719),
    Place("St. John's", "Newfoundland and Labrador", "NL", "A1C 5S7", 47.5615, -52.7126),
    Place("Burlington", "Vermont", "VT", "05401", 44.4759, -73.2121),
    Place("Québec", "Québec", "QC", "G1R 4S9", 46.8139, -71.2080),
    Place("Winnipeg", "Manitoba", "MB", "R3C 4T3", 49.8951, -97.1384),
    Place("Portland", "Maine", "ME", "04101", 43.6591, -70.2568),
    Place("Kelowna", "British Columbia", "BC", "V1Y 6N2", 49.8880, -119.4960),
    Place("Saint-Jérôme", "Québec", "QC", "J7Z 1X6", 45.7804, -74.0036),
    Place("Moncton", "New Brunswick", "NB", "E1C 1A1", 46.0878, -64.7782),
)
REGIONS = {
    "QC": "Québec",
    "ON": "Central",
    "NS": "Atlantic",
    "NB": "Atlantic",
    "NL": "Atlantic",
    "BC": "West",
    "AB": "West",
    "MB": "West",
    "NY": "Northeast",
    "VT": "Northeast",
    "ME": "Northeast",
}
US_STATES = {"NY", "VT", "ME"}
STREETS = (
    "King St W, Unit 4",
    "rue Saint-Paul",
    "Harbour Rd",
    "Main St",
    "chemin du Fjord",
    "8th Ave",
)
STORE_TYPES = (("SM", "Supermarket", 2600), ("CV", "Convenience", 420), ("HY", "Hypermarket", 6800))

SHELVES = (
    Shelf("Produce", "Fruit", ("Gala Apples", "Bananas", "Clementines"), 249, 699, True, True),
    Shelf("Dairy & Eggs", "Milk", ("Whole Milk", "2% Milk", "Crème fraîche"), 249, 649, True),
    Shelf("Pantry", "Pasta & Rice", ("Penne", "Basmati Rice", "Spaghetti"), 149, 799),
    Shelf("Household", "Candles & Light", ('Candle 8" Tall', "Tea Lights", "Bulb"), 299, 1499),
    Shelf("Beverages", "Coffee & Tea", ("Café Filtre", "Green Tea", "Espresso Beans"), 449, 1899),
    Shelf("Bakery", "Bread", ("Sourdough Loaf", "Baguette", "Rye Bread"), 249, 749, True),
    Shelf(
        "Produce", "Vegetables", ("Carrots", "Jalapeño Peppers", "Potatoes"), 149, 599, True, True
    ),
    Shelf("Snacks", "Crisps & Nuts", ("Sea Salt Crisps", "Mixed Nuts", "Pretzels"), 199, 999),
    Shelf("Meat & Deli", "Sliced Deli", ("Smoked Ham", "Turkey Breast"), 1499, 3499, True, True),
    Shelf("Dairy & Eggs", "Cheese", ("Old Cheddar", "Brie", "Gruyère"), 499, 1699, True),
    Shelf("Personal Care", "Soap & Shampoo", ("Hand Soap", "Shampoo", "Savon"), 249, 1299),
    Shelf("Beverages", "Soft Drinks", ("Sparkling Water", "Ginger Ale", "Cola"), 129, 899),
    Shelf("Household", "Cleaning", ("Dish Soap", "Floor Cleaner", "Sponges"), 199, 1199),
    Shelf("Frozen", "Ready Meals", ("Lasagne", "Vegetable Pie", "Pizza"), 399, 1299),
)
BRANDS = (
    "Maison Brévent",
    "Northfold",
    "Tilly & Oak",
    "Harrowgate",
    "Pélican Bleu",
    "Quay 9",
    "Dunmere",
    "Solstrand",
    "Bellweather",
)
VARIANTS = ("", "Original", "Family Size", "Light", "Organic", 'the "Good" One', "Limited Edition")


def make_stores(count: int, rng: np.random.Generator) -> Stores:
    """`count` stores in a round of towns."""
    traffic = np.exp(rng.normal(0.0, 0.35, count))
    rows = []
    for number in range(count):
        place = PLACES[number % len(PLACES)]
        branch = number // len(PLACES) + 1
        type_code, type_name, floor_space = STORE_TYPES[int(rng.choice(3, p=[0.6, 0.25, 0.15]))]
        american = place.state_code in US_STATES
        region = REGIONS[place.state_code]
        market = sorted(set(REGIONS.values())).index(region) + 1
        rows.append(
            {
                "STORE_KEY": FIRST_STORE_KEY + number,
                "STORE_NUM": f"{1000 + number:06d}",
                "STORE_DESC": f'Marché "Fairhaven" {place.city}' + f" {branch}" * (branch > 1),
                "ADDR": f"{int(rng.integers(1, 990))} {STREETS[number % len(STREETS)]}",
                "CITY": place.city,
                # Real store lists lack some of these: region, postal code, franchise flag.
                "REGION": None if number % 11 == 10 else region,
                "CNTRY_CD": "US" if american else "CA",
                "CNTRY_NM": "United States" if american else "Canada",
                "POSTAL_ZIP_CD": None if number % 7 == 6 else place.postal,
                "PROV_STATE_DESC": place.state,
                "PROV_STATE_CD": place.state_code,
                "STORE_TYPE_CD": type_code,
                "STORE_TYPE_DESC": type_name,
                "FRNCHS_FLG": None if number % 5 == 4 else int(number % 3 == 0),
                "STORE_SIZE": int(floor_space * rng.uniform(0.8, 1.2)),
                "MARKET_KEY": market,
                "MARKET_NAME": region,
                "SUBMARKET_KEY": market * 100 + number % len(PLACES),
                "SUBMARKET_NAME": f"{place.city}, {place.state_code}",
                "LATITUDE": round((place.latitude + branch * 0.01 - 0.01) * 10_000),
                "LONGITUDE": round(place.longitude * 10_000),
            }
        )
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        exact("LATITUDE", 4), exact("LONGITUDE", 4)
    )
    return Stores(
        keys=FIRST_STORE_KEY + np.arange(count, dtype=np.int64),
        traffic=traffic / traffic.mean(),
        price_zone=rng.integers(97, 105, count),
        frame=frame.select(COLUMNS["store"]),
    )


def make_products(count: int, rng: np.random.Generator) -> Products:
    """`count` products in a round of shelves, a few selling fast and most of them slowly."""
    shelf_of = np.arange(count) % len(SHELVES)
    shelves = [SHELVES[index] for index in shelf_of]
    categories = sorted({shelf.category for shelf in SHELVES})
    category = np.array([categories.index(shelf.category) for shelf in shelves], dtype=np.int64)
    by_weight = np.array([shelf.by_weight for shelf in shelves])
    perishable = np.array([shelf.perishable for shelf in shelves])

    cheapest = np.array([shelf.cheapest for shelf in shelves])
    dearest = np.array([shelf.dearest for shelf in shelves])
    # Prices end in 9, as on a shelf label.
    price = (rng.integers(cheapest, dearest + 1) // 10 * 10 + 9).astype(np.int64)
    cost = (price * 100 * rng.uniform(0.52, 0.78, count)).astype(np.int64)

    popularity = np.exp(rng.normal(-1.45, 1.0, count))
    lines_per_day = np.minimum(popularity * np.where(perishable, 1.5, 0.85), 8.0)
    portion = np.where(by_weight, rng.integers(150, 1200, count), MILLI).astype(np.int64)
    pack_units = np.select([lines_per_day > 1.0, lines_per_day > 0.3], [12, 4], 2)
    case = np.where(by_weight, 2_500, pack_units * MILLI).astype(np.int64)
    lead_days = np.where(perishable, rng.integers(1, 3, count), rng.integers(2, 6, count))

    return Products(
        keys=FIRST_PRODUCT_KEY + np.arange(count, dtype=np.int64),
        category=category,
        price=price,
        cost=cost,
        lines_per_day=lines_per_day,
        portion=portion,
        case=case,
        lead_days=lead_days.astype(np.int64),
        by_weight=by_weight,
        perishable=perishable,
        frame=_product_frame(shelf_of, category, rng),
    )


def _product_frame(shelf_of: Ints, category: Ints, rng: np.random.Generator) -> pl.DataFrame:
    """Table `product`; shelf_of and category have shape (products,)."""
    count = len(shelf_of)
    brand_of = rng.integers(0, len(BRANDS), count)
    volume = rng.integers(1, 30, count) * 250
    delisted = rng.random(count) < 0.03
    names, rows = set(), []
    for index, shelf_index in enumerate(shelf_of):
        shelf, round_number = SHELVES[shelf_index], index // len(SHELVES)
        item = shelf.items[round_number % len(shelf.items)]
        variant = VARIANTS[(round_number // len(shelf.items)) % len(VARIANTS)]
        name = ", ".join(filter(None, (f"{BRANDS[brand_of[index]]} {item}", variant)))
        if name in names:
            name = f"{name} no. {index}"
        names.add(name)
        if index == 3:
            # Somebody typed a line break into the product list; a CSV reader must survive it.
            name = name.replace(" ", "\n", 1)
        liquid = shelf.category == "Beverages" or shelf.name == "Milk"
        rows.append(
            {
                "PROD_KEY": FIRST_PRODUCT_KEY + index,
                "PROD_NAME": name,
                "VOL": int(volume[index]) if liquid else None,
                "WGT": None if liquid or shelf.by_weight else int(volume[index]) // 2,
                "BRAND_NAME": None if shelf.by_weight else BRANDS[brand_of[index]],
                "STATUS_CODE": "D" if delisted[index] else "A",
                "STATUS_CODE_NAME": "delisted" if delisted[index] else "active",
                "CATEGORY_KEY": int(category[index]) + 1,
                "CATEGORY_NAME": shelf.category,
                "SUBCATEGORY_KEY": (int(category[index]) + 1) * 100 + int(shelf_index),
                "SUBCATEGORY_NAME": shelf.name,
            }
        )
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.select(COLUMNS["product"]).with_columns(exact("VOL", 3), exact("WGT", 3))
