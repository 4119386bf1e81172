{{ config(materialized="view") }}

with week_days as (

    select * from {{ ref("int_week_days_touched") }}

),

sales as (

    select * from {{ ref("stg_retail__sales") }}

),

inventory as (

    select * from {{ ref("stg_retail__inventory") }}

),

-- Sales and stock of a day side by side: rows of both, then one row per store, product and day.
-- It is a full outer join that neither side can multiply or lose.
sales_and_stock as (

    select
        business_date,
        store_key,
        product_key,
        sales_qty,
        sales_amt,
        sales_cost,
        null as on_hand_qty,
        null as on_order_qty,
        null as out_of_stock_flg
    from sales
    union all
    select
        business_date,
        store_key,
        product_key,
        null as sales_qty,
        null as sales_amt,
        null as sales_cost,
        on_hand_qty,
        on_order_qty,
        out_of_stock_flg
    from inventory

),

-- One exchange, by store and product, serves the sums over days and weeks that follow.
rows_of_touched_weeks as (

    select
        week_days.year_number,
        week_days.week_number,
        week_days.week_start_date,
        week_days.week_end_date,
        week_days.days_in_week,
        week_days.is_complete_week,
        sales_and_stock.*
    from sales_and_stock
    inner join week_days
        on sales_and_stock.business_date = week_days.business_date
    distribute by sales_and_stock.store_key, sales_and_stock.product_key

),

store_product_days as (

    select
        year_number,
        week_number,
        week_start_date,
        week_end_date,
        days_in_week,
        is_complete_week,
        business_date,
        store_key,
        product_key,
        coalesce(sum(sales_qty), 0) as sales_qty,
        coalesce(sum(sales_amt), 0) as sales_amt,
        coalesce(sum(sales_cost), 0) as sales_cost,
        -- There is one inventory row at most.
        max(on_hand_qty) as on_hand_qty,
        max(on_order_qty) as on_order_qty,
        coalesce(max(out_of_stock_flg), 0) as out_of_stock_flg
    from rows_of_touched_weeks
    group by all

),

flagged as (

    select
        *,
        case when on_hand_qty < sales_qty then 1 else 0 end as low_stock_flg,
        -- Multiplied before it is divided: a product of 18 and 19 digits fits into 38, and none is
        -- lost.
        on_hand_qty * cast(sales_amt as decimal(19, 4)) / nullif(sales_qty, 0) as stock_on_hand_amt
    from store_product_days

)

select
    year_number,
    week_number,
    week_start_date,
    week_end_date,
    days_in_week,
    is_complete_week,
    business_date,
    store_key,
    product_key,
    sales_qty,
    sales_amt,
    sales_cost,
    on_hand_qty,
    on_order_qty,
    stock_on_hand_amt,
    out_of_stock_flg,
    low_stock_flg
from flagged
