with weekly_sales_inventory as (

    select * from {{ ref("weekly_sales_inventory") }}

),

store_weeks as (

    select
        year_number,
        week_number,
        week_start_date,
        week_end_date,
        store_key,
        is_complete_week,
        days_in_week,
        store_num,
        store_desc,
        city,
        region,
        store_type_desc,
        market_name,
        submarket_name,
        count(*) as product_count,
        sum(case when no_stock_instances > 0 then 1 else 0 end) as out_of_stock_product_count,
        sum(case when low_stock_instances > 0 then 1 else 0 end) as low_stock_product_count,
        sum(total_sales_qty) as total_sales_qty,
        sum(total_sales_amt) as total_sales_amt,
        sum(total_sales_cost) as total_sales_cost,
        sum(week_end_on_hand_qty) as week_end_on_hand_qty,
        sum(week_end_on_order_qty) as week_end_on_order_qty,
        sum(case when week_end_on_hand_qty is not null then total_sales_qty end)
            as counted_products_sales_qty,
        sum(no_stock_instances) as no_stock_instances,
        sum(low_stock_instances) as low_stock_instances,
        sum(total_low_stock_impact) as total_low_stock_impact,
        sum(potential_low_stock_impact) as potential_low_stock_impact,
        sum(no_stock_impact) as no_stock_impact,
        cast(sum(no_stock_instances) as double) / sum(days_in_week) as out_of_stock_rate
    from weekly_sales_inventory
    group by
        year_number,
        week_number,
        week_start_date,
        week_end_date,
        store_key,
        is_complete_week,
        days_in_week,
        store_num,
        store_desc,
        city,
        region,
        store_type_desc,
        market_name,
        submarket_name

),

-- A week before that the store has no row of is not replaced by an earlier one.
compared as (

    select
        *,
        case
            when
                lag(week_end_date) over (partition by store_key order by week_end_date)
                = week_start_date - interval '1' day
                then lag(total_sales_amt) over (partition by store_key order by week_end_date)
        end as previous_week_sales_amt,
        max(total_sales_amt) over (
            partition by store_key, week_number
            order by year_number range between 1 preceding and 1 preceding
        ) as last_year_sales_amt
    from store_weeks

)

select
    -- keys
    year_number,
    week_number,
    week_start_date,
    week_end_date,
    store_key,

    -- progress of the week
    is_complete_week,
    days_in_week,

    -- sales
    cast(total_sales_qty as decimal(28, 4)) as total_sales_qty,
    cast(total_sales_amt as decimal(28, 4)) as total_sales_amt,
    cast(total_sales_amt as double) / nullif(cast(total_sales_qty as double), 0)
        as avg_sales_price,
    cast(total_sales_cost as decimal(28, 4)) as total_sales_cost,
    rank() over (partition by week_end_date order by total_sales_amt desc) as sales_rank,

    -- comparison; a running week is not compared
    cast(previous_week_sales_amt as decimal(28, 4)) as previous_week_sales_amt,
    case
        when is_complete_week and previous_week_sales_amt > 0
            then cast(total_sales_amt as double) / cast(previous_week_sales_amt as double) - 1
    end as previous_week_change_rate,
    cast(last_year_sales_amt as decimal(28, 4)) as last_year_sales_amt,
    case
        when is_complete_week and last_year_sales_amt > 0
            then cast(total_sales_amt as double) / cast(last_year_sales_amt as double) - 1
    end as last_year_change_rate,

    -- stock at the end of the week
    cast(week_end_on_hand_qty as decimal(28, 4)) as week_end_on_hand_qty,
    cast(week_end_on_order_qty as decimal(28, 4)) as week_end_on_order_qty,
    case
        when counted_products_sales_qty > 0
            then
                cast(week_end_on_hand_qty as double)
                / cast(counted_products_sales_qty as double)
    end as weeks_of_supply,

    -- availability
    product_count,
    out_of_stock_product_count,
    low_stock_product_count,
    1 - out_of_stock_rate as in_stock_rate,
    out_of_stock_rate,
    no_stock_instances,
    low_stock_instances,
    total_low_stock_impact,
    cast(potential_low_stock_impact as decimal(28, 6)) as potential_low_stock_impact,
    cast(no_stock_impact as decimal(28, 4)) as no_stock_impact,

    -- store
    store_num,
    store_desc,
    city,
    region,
    store_type_desc,
    market_name,
    submarket_name
from compared
