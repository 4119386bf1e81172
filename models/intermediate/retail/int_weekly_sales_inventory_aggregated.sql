{{
    config(
        partition_by="week_end_date",
        meta={"candidate_for": "fct_weekly_sales_inventory"},
    )
}}

with store_product_days as (

    select * from {{ ref("int_store_product_days_joined") }}

),

week_end_stock as (

    select * from {{ ref("int_week_end_stock_snapshotted") }}

),

weekly_sums as (

    select
        year_number,
        week_number,
        week_start_date,
        week_end_date,
        store_key,
        product_key,
        is_complete_week,
        days_in_week,
        sum(sales_qty) as total_sales_qty,
        sum(sales_amt) as total_sales_amt,
        sum(sales_cost) as total_sales_cost,
        sum(low_stock_flg) as low_stock_instances,
        sum(out_of_stock_flg) as no_stock_instances,
        sum(
            case when low_stock_flg = 1 then sales_amt - coalesce(stock_on_hand_amt, 0) else 0 end
        ) as potential_low_stock_impact,
        sum(case when out_of_stock_flg = 1 then sales_amt else 0 end) as no_stock_impact
    from store_product_days
    group by all

),

weekly as (

    select
        weekly_sums.*,
        week_end_stock.week_end_on_hand_qty,
        week_end_stock.week_end_on_order_qty,
        week_end_stock.stock_as_of_date,
        cast(no_stock_instances as double) / days_in_week as out_of_stock_rate
    from weekly_sums
    left join week_end_stock
        on weekly_sums.week_end_date = week_end_stock.week_end_date
        and weekly_sums.store_key = week_end_stock.store_key
        and weekly_sums.product_key = week_end_stock.product_key

)

select
    -- keys
    year_number,
    week_number,
    week_start_date,
    store_key,
    product_key,

    -- progress of the week
    is_complete_week,
    days_in_week,

    -- sales
    cast(total_sales_qty as decimal(28, 4)) as total_sales_qty,
    cast(total_sales_amt as decimal(28, 4)) as total_sales_amt,
    cast(total_sales_amt as double) / nullif(cast(total_sales_qty as double), 0)
        as avg_sales_price,
    cast(total_sales_cost as decimal(28, 4)) as total_sales_cost,

    -- stock
    week_end_on_hand_qty,
    week_end_on_order_qty,
    stock_as_of_date,
    case
        when total_sales_qty > 0
            then cast(week_end_on_hand_qty as double) / cast(total_sales_qty as double)
    end as weeks_of_supply,

    -- availability
    1 - out_of_stock_rate as in_stock_rate,
    out_of_stock_rate,
    cast(no_stock_instances as int) as no_stock_instances,
    cast(low_stock_instances as int) as low_stock_instances,
    cast(no_stock_instances + low_stock_instances as int) as total_low_stock_impact,
    cast(potential_low_stock_impact as decimal(28, 6)) as potential_low_stock_impact,
    cast(no_stock_impact as decimal(28, 4)) as no_stock_impact,

    -- partition
    week_end_date
from weekly
distribute by week_end_date
