"""The weekly fact of one clean night in plain DuckDB SQL: the yardstick of the benchmark."""

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import duckdb

from reference.contract import CALENDAR, INVENTORY, SALES, Kind, Table
from reference.reading import Night, read_header

_SQL_TYPES = {
    Kind.TEXT: "varchar",
    Kind.BIGINT: "bigint",
    Kind.INT: "integer",
    Kind.DECIMAL: "decimal(18, 4)",
    Kind.DATE: "date",
    Kind.FLAG: "varchar",
}

_FACT_SQL = """
with weeks as (
    select
        YR_NUM as year_number,
        WK_NUM as week_number,
        min(CAL_DT) as week_start_date,
        max(CAL_DT) as week_end_date,
        count(*) filter (where CAL_DT <= {as_of}) as days_in_week
    from {calendar}
    where YR_NUM is not null and WK_NUM is not null
    group by all
),
sales_days as (
    select
        TRANS_DT as day,
        STORE_KEY as store_key,
        PROD_KEY as product_key,
        coalesce(sum(SALES_QTY), 0) as qty,
        coalesce(sum(SALES_AMT), 0) as amt,
        coalesce(sum(SALES_COST), 0) as cost
    from {sales}
    group by all
),
stock_days as (
    select
        CAL_DT as day,
        STORE_KEY as store_key,
        PROD_KEY as product_key,
        INVENTORY_ON_HAND_QTY as on_hand,
        INVENTORY_ON_ORDER_QTY as on_order,
        coalesce(lower(OUT_OF_STOCK_FLG) in ('1', 'true'), false) as is_out
    from {inventory}
),
joined as (
    select
        day,
        store_key,
        product_key,
        on_hand,
        on_order,
        coalesce(qty, 0) as qty,
        coalesce(amt, 0) as amt,
        coalesce(cost, 0) as cost,
        coalesce(is_out, false) as is_out,
        coalesce(on_hand < coalesce(qty, 0), false) as is_low
    from sales_days
    full outer join stock_days using (day, store_key, product_key)
),
days as (
    select
        *,
        -- whole numbers of 1e-12: a quotient of decimals would be a double
        case
            when not is_low then 0
            when qty = 0 then cast(amt * 10000 as hugeint) * 100000000
            else
                cast(amt * 10000 as hugeint)
                * cast((qty - on_hand) * 10000 as hugeint)
                * 100000000
                // cast(qty * 10000 as hugeint)
        end as low_impact
    from joined
),
totals as (
    select
        calendar.YR_NUM as year_number,
        calendar.WK_NUM as week_number,
        days.store_key,
        days.product_key,
        sum(days.qty) as qty,
        sum(days.amt) as amt,
        sum(days.cost) as cost,
        arg_max(struct_pack(on_hand, on_order, day), days.day)
            filter (where days.on_hand is not null) as stock,
        sum(days.low_impact) as low_impact,
        coalesce(sum(days.amt) filter (where days.is_out), 0) as no_stock_impact,
        count(*) filter (where days.is_low) as low_days,
        count(*) filter (where days.is_out) as out_days
    from days
    inner join {calendar} as calendar on days.day = calendar.CAL_DT
    where calendar.YR_NUM is not null and calendar.WK_NUM is not null
    group by all
)
select
    year_number,
    week_number,
    weeks.week_start_date,
    weeks.week_end_date,
    totals.store_key,
    totals.product_key,
    weeks.week_end_date <= {as_of} as is_complete_week,
    weeks.days_in_week,
    totals.qty as total_sales_qty,
    totals.amt as total_sales_amt,
    case when totals.qty <> 0 then totals.amt::double / totals.qty::double end as avg_sales_price,
    totals.stock.on_hand as week_end_on_hand_qty,
    totals.stock.on_order as week_end_on_order_qty,
    totals.stock.day as stock_as_of_date,
    totals.cost as total_sales_cost,
    1 - totals.out_days / weeks.days_in_week as in_stock_rate,
    totals.out_days + totals.low_days as total_low_stock_impact,
    cast((totals.low_impact + sign(totals.low_impact) * 500000) // 1000000 as decimal(32, 0))
    * 0.000001::decimal(6, 6) as potential_low_stock_impact,
    totals.no_stock_impact,
    totals.low_days as low_stock_instances,
    totals.out_days / weeks.days_in_week as out_of_stock_rate,
    totals.out_days as no_stock_instances,
    case when totals.qty > 0
        then totals.stock.on_hand::double / totals.qty::double
    end as weeks_of_supply
from totals
inner join weeks using (year_number, week_number)
order by year_number, week_number, totals.store_key, totals.product_key
"""


def fast_fact(
    landing: Path, load_date: date, connection: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation:
    """The fact of one load date alone, its files free of rejects and duplicates."""
    night = Night(landing, load_date)
    return connection.sql(
        _FACT_SQL.format(
            as_of=f"date '{load_date - timedelta(days=1)}'",
            calendar=_source(night, CALENDAR),
            sales=_source(night, SALES),
            inventory=_source(night, INVENTORY),
        )
    )


def _source(night: Night, table: Table) -> str:
    """A derived table over a night's files; files of the same header are read together."""
    by_header: defaultdict[tuple[str, ...], list[Path]] = defaultdict(list)
    for path in night.files(table.name):
        by_header[tuple(read_header(path))].append(path)
    scans = (_scan(table, header, paths) for header, paths in by_header.items())
    columns = ", ".join(table.columns)
    return "(" + " union all ".join(f"select {columns} from {scan}" for scan in scans) + ")"


def _scan(table: Table, header: tuple[str, ...], paths: list[Path]) -> str:
    kinds = {name: table.kinds.get(name, Kind.TEXT) for name in header}
    columns = ", ".join(f"{_quoted(name)}: '{_SQL_TYPES[kind]}'" for name, kind in kinds.items())
    files = ", ".join(_quoted(str(path)) for path in paths)
    return (
        f"read_csv([{files}], auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', nullstr = '', columns = {{{columns}}})"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
