-- depends_on: {{ ref("int_publications_planned") }}
select
    -- keys
    year_number,
    week_number,
    week_start_date,
    week_end_date,
    store_key,
    product_key,

    -- progress of the week
    is_complete_week,
    days_in_week,

    -- sales
    total_sales_qty,
    total_sales_amt,
    avg_sales_price,
    total_sales_cost,

    -- stock at the end of the week
    week_end_on_hand_qty,
    week_end_on_order_qty,
    stock_as_of_date,
    weeks_of_supply,

    -- availability
    in_stock_rate,
    out_of_stock_rate,
    no_stock_instances,
    low_stock_instances,
    total_low_stock_impact,
    potential_low_stock_impact,
    no_stock_impact
from {{ ref("int_weekly_sales_inventory_aggregated") }}
