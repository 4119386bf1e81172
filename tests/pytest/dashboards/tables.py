"""Small published tables of a lake, as `make export` writes them, with what spoils dashboards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
from hand_made_lakes import create_table

FORMULA = '=HYPERLINK("http://evil.example","Cheese")'
"""Name of product 1."""

NAMELESS_STORE = 3
STORE_OF_NO_DIMENSION = 9


@dataclass(frozen=True)
class Shape:
    """What the tables hold.

    weeks: number of weeks, the newest one running. has_stock: whether stock was ever counted.
    stores, products: numbers of dimension rows; each store has each product in each week.
    """

    weeks: int = 56
    has_stock: bool = True
    stores: int = 3
    products: int = 4


WHOLE = Shape()
EMPTY = Shape(weeks=0)
ONE_RUNNING_WEEK = Shape(weeks=1)
NO_STOCK_COUNTED = Shape(weeks=2, has_stock=False)


def write_tables(folder: Path, shape: Shape = WHOLE) -> Path:
    """Write one folder of parquet per table and return the folder of them all."""
    with duckdb.connect() as database:
        database.execute(f"create macro number_of_weeks() as {shape.weeks}")
        database.execute(
            "create macro stores() as table select key from range(1, 1000000) as numbers (key) "
            f"where key <> {STORE_OF_NO_DIMENSION} limit {shape.stores}"
        )
        database.execute(
            "create macro products() as table "
            f"select key from range(1, {shape.products} + 1) as numbers (key)"
        )
        database.execute(f"create macro counted(qty) as if({shape.has_stock}, qty, null)")
        for table, sql in TABLES.items():
            target = folder / table
            target.mkdir(parents=True)
            create_table(database, table)
            database.execute(f"insert into {table} by name {sql}")
            database.table(table).write_parquet(str(target / "part-0.parquet"))
    return folder


TABLES = {
    "dim_calendar": """
        select
            cast(day as date) as cal_dt,
            cast(year(week_end) as integer) as yr_num,
            cast((dayofyear(week_end) - 1) // 7 + 1 as integer) as wk_num,
            strftime(week_end, '%Y') || lpad(cast(wk_num as varchar), 2, '0') as yr_wk_num,
            cast(month(day) as varchar) as mnth_num,
            strftime(day, '%Y%-m') as yr_mnth_num,
            cast(quarter(day) as varchar) as qtr_num,
            strftime(day, '%Y') || qtr_num as yr_qtr_num
        from (
            select
                day,
                date '2025-11-08' + cast((day - date '2025-11-02') // 7 * 7 as integer) as week_end
            from (
                select date '2025-11-02' + cast(n as integer) as day
                from range(number_of_weeks() * 7) as days (n)
            )
        )
    """,
    "dim_store": f"""
        select
            cast(key as bigint) as store_key,
            if(key > 0, '00' || key, null) as store_num,
            case when key = {NAMELESS_STORE} then null when key > 0 then 'Store no. ' || key
                else 'unknown' end as store_desc,
            'Grocer' as store_type_desc,
            'Springfield' as city,
            case when key = 1 then 'North' when key > 0 then 'South' else 'unknown' end as region,
            'Market' as market_name,
            'Submarket' as submarket_name
        from (from stores() union all select -1)
    """,
    "dim_product": f"""
        select
            cast(key as bigint) as product_key,
            case when key = 1 then '{FORMULA}' when key > 0 then 'Product ' || key
                else 'unknown' end as prod_name,
            case when key > 0 then 'Brand ' || key else 'unknown' end as brand_name,
            case when key < 0 then 'unknown' when key < 3 then 'Dairy' else 'Bakery' end
                as category_name,
            'Subcategory' as subcategory_name,
            'active' as status_code_name
        from (from products() union all select -1)
    """,
    "fct_weekly_sales_inventory": f"""
        with weeks as (
            select
                *,
                row_number() over (order by week_end_date) as n,
                row_number() over (order by week_end_date) < number_of_weeks() as is_complete_week
            from (
                select
                    yr_num as year_number,
                    wk_num as week_number,
                    cal_dt - 6 as week_start_date,
                    cal_dt as week_end_date
                from dim_calendar
                where isodow(cal_dt) = 6
            )
        ),
        facts as (
            select
                weeks.*,
                cast(store_key as bigint) as store_key,
                cast(product_key as bigint) as product_key,
                cast(if(is_complete_week, 7, 3) as integer) as days_in_week,
                cast(2 + (n * store_key + product_key) % 9 as decimal(28, 4)) as total_sales_qty,
                cast(total_sales_qty * (product_key + 0.49) as decimal(28, 4)) as total_sales_amt,
                cast(total_sales_qty * product_key * 0.7 as decimal(28, 4)) as total_sales_cost,
                cast(counted((n + 13 * product_key + 5 * store_key) % 47) as decimal(18, 4))
                    as week_end_on_hand_qty,
                cast(counted((n + product_key) % 5) as decimal(18, 4)) as week_end_on_order_qty,
                cast((n + store_key * product_key) % 5 // 4 as integer) as no_stock_instances,
                cast((n + store_key + product_key) % 4 // 3 as integer) as low_stock_instances
            from weeks
            cross join (from stores() union all select {STORE_OF_NO_DIMENSION}) as s (store_key)
            cross join products() as p (product_key)
        )
        select
            * exclude (n),
            cast(total_sales_amt / total_sales_qty as double) as avg_sales_price,
            if(week_end_on_hand_qty is null, null, week_end_date) as stock_as_of_date,
            cast(week_end_on_hand_qty / total_sales_qty as double) as weeks_of_supply,
            1 - no_stock_instances / days_in_week as in_stock_rate,
            no_stock_instances / days_in_week as out_of_stock_rate,
            no_stock_instances + low_stock_instances as total_low_stock_impact,
            cast(low_stock_instances * total_sales_amt / 8 as decimal(28, 6))
                as potential_low_stock_impact,
            cast(no_stock_instances * total_sales_amt / 4 as decimal(28, 4)) as no_stock_impact
        from facts
    """,
    "load_row_counts": """
        select
            date '2026-11-28' as load_date,
            raw_table,
            'run-1' as run_id,
            cast(rows as bigint) as rows_in_manifest,
            cast(rows as bigint) as rows_read,
            cast(rows - 6 as bigint) as rows_accepted,
            cast(1 as bigint) as rows_duplicate,
            cast(5 as bigint) as rows_rejected
        from (values ('sales', 5000), ('inventory', 9000)) as counts (raw_table, rows)
        where number_of_weeks() > 0
    """,
    "rejected_rows": """
        select
            raw_table as table_name,
            raw_table || '.csv' as file_name,
            if(n < 3, 'bad_value', 'missing_key') as reason,
            null as column_name,
            'a,b,c' as raw_row,
            cast(n + 2 as bigint) as line_number,
            cast(1 as bigint) as line_count,
            date '2026-11-28' as load_date
        from (values ('sales'), ('inventory')) as tables (raw_table)
        cross join range(if(number_of_weeks() > 0, 5, 0)) as rows (n)
    """,
    "runs": """
        select
            1 as run_number,
            'run-1' as run_id,
            date '2026-11-28' as last_load_date,
            date '2026-11-27' as as_of_date,
            timestamp '2026-11-28 08:30:00' as published_at,
            'fct_weekly_sales_inventory' as table_name,
            cast(1 as bigint) as row_count
        where number_of_weeks() > 0
    """,
}
