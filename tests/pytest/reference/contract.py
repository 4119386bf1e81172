"""The raw tables of the data contract: columns, types and keys, as plain data."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class Kind(Enum):
    """How the text of a column is read."""

    TEXT = "text"
    BIGINT = "bigint"
    INT = "int"
    DECIMAL = "decimal"
    DATE = "date"
    FLAG = "flag"


@dataclass(frozen=True)
class Table:
    """One raw table: its columns in the contract's order and the key among them."""

    name: str
    kinds: dict[str, Kind]
    key: tuple[str, ...]
    business_date: str | None = None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The column names in the contract's order."""
        return tuple(self.kinds)

    @cached_property
    def key_positions(self) -> tuple[int, ...]:
        """Where the key's columns stand in the contract's order."""
        return tuple(self.position(column) for column in self.key)

    @cached_property
    def date_position(self) -> int:
        """Where the business date stands in the contract's order."""
        assert self.business_date is not None
        return self.position(self.business_date)

    def position(self, column: str) -> int:
        """Where a column stands in the contract's order."""
        return self.columns.index(column)


def _kinds(text: str = "", **typed: Kind) -> dict[str, Kind]:
    """Typed columns first, then the names in `text` as text columns."""
    return {**typed, **dict.fromkeys(text.split(), Kind.TEXT)}


SALES = Table(
    name="sales",
    kinds=_kinds(
        TRANS_ID=Kind.BIGINT,
        PROD_KEY=Kind.BIGINT,
        STORE_KEY=Kind.BIGINT,
        TRANS_DT=Kind.DATE,
        TRANS_TIME=Kind.INT,
        SALES_QTY=Kind.DECIMAL,
        SALES_PRICE=Kind.DECIMAL,
        SALES_AMT=Kind.DECIMAL,
        DISCOUNT=Kind.DECIMAL,
        SALES_COST=Kind.DECIMAL,
        SALES_MGRN=Kind.DECIMAL,
        SHIP_COST=Kind.DECIMAL,
    ),
    key=("TRANS_ID", "PROD_KEY", "STORE_KEY", "TRANS_DT"),
    business_date="TRANS_DT",
)

INVENTORY = Table(
    name="inventory",
    kinds=_kinds(
        CAL_DT=Kind.DATE,
        STORE_KEY=Kind.BIGINT,
        PROD_KEY=Kind.BIGINT,
        INVENTORY_ON_HAND_QTY=Kind.DECIMAL,
        INVENTORY_ON_ORDER_QTY=Kind.DECIMAL,
        OUT_OF_STOCK_FLG=Kind.FLAG,
        WASTE_QTY=Kind.DECIMAL,
        PROMOTION_FLG=Kind.FLAG,
        NEXT_DELIVERY_DT=Kind.DATE,
    ),
    key=("CAL_DT", "STORE_KEY", "PROD_KEY"),
    business_date="CAL_DT",
)

CALENDAR = Table(
    name="calendar",
    kinds={
        "CAL_DT": Kind.DATE,
        "CAL_TYPE_DESC": Kind.TEXT,
        "DAY_OF_WK_NUM": Kind.TEXT,
        "DAY_OF_WK_DESC": Kind.TEXT,
        "YR_NUM": Kind.INT,
        "WK_NUM": Kind.INT,
        **_kinds("YR_WK_NUM MNTH_NUM YR_MNTH_NUM QTR_NUM YR_QTR_NUM"),
    },
    key=("CAL_DT",),
)

STORE = Table(
    name="store",
    kinds=_kinds(
        "STORE_NUM STORE_DESC ADDR CITY REGION CNTRY_CD CNTRY_NM POSTAL_ZIP_CD PROV_STATE_DESC "
        "PROV_STATE_CD STORE_TYPE_CD STORE_TYPE_DESC FRNCHS_FLG STORE_SIZE MARKET_KEY MARKET_NAME "
        "SUBMARKET_KEY SUBMARKET_NAME LATITUDE LONGITUDE",
        STORE_KEY=Kind.BIGINT,
    ),
    key=("STORE_KEY",),
)

PRODUCT = Table(
    name="product",
    kinds=_kinds(
        "PROD_NAME VOL WGT BRAND_NAME STATUS_CODE STATUS_CODE_NAME CATEGORY_KEY CATEGORY_NAME "
        "SUBCATEGORY_KEY SUBCATEGORY_NAME",
        PROD_KEY=Kind.BIGINT,
    ),
    key=("PROD_KEY",),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (SALES, INVENTORY, CALENDAR, STORE, PRODUCT)
}

FACT_COLUMNS: tuple[str, ...] = (
    "year_number",
    "week_number",
    "week_start_date",
    "week_end_date",
    "store_key",
    "product_key",
    "is_complete_week",
    "days_in_week",
    "total_sales_qty",
    "total_sales_amt",
    "avg_sales_price",
    "week_end_on_hand_qty",
    "week_end_on_order_qty",
    "stock_as_of_date",
    "total_sales_cost",
    "in_stock_rate",
    "total_low_stock_impact",
    "potential_low_stock_impact",
    "no_stock_impact",
    "low_stock_instances",
    "out_of_stock_rate",
    "no_stock_instances",
    "weeks_of_supply",
)
