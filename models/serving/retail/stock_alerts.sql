{% set chosen = var("alert_weeks_of_supply") | float %}

with latest_complete_week as (

    select * from {{ ref("latest_complete_week") }}

),

judged as (

    select
        *,
        no_stock_instances > 0 as is_out_of_stock,
        low_stock_instances > 0 as is_low_stock,
        coalesce(weeks_of_supply < {{ chosen }}, false) as is_under_supply,
        case
            when weeks_of_supply < {{ chosen }}
                then cast(({{ chosen }} - weeks_of_supply) * total_sales_amt as decimal(28, 4))
            else 0
        end as supply_gap_amt
    from latest_complete_week

),

alerts as (

    select
        *,
        case
            when is_out_of_stock then 'out of stock'
            when is_low_stock then 'low stock'
            else 'under supply'
        end as alert,
        -- The three overlap (a day can be low and out of stock), so they are not added.
        cast(
            greatest(no_stock_impact, potential_low_stock_impact, supply_gap_amt)
            as decimal(28, 4)
        ) as at_stake_amt
    from judged
    where is_out_of_stock or is_low_stock or is_under_supply

)

select
    -- keys
    year_number,
    week_number,
    week_start_date,
    week_end_date,
    store_key,
    product_key,

    -- the alert
    row_number() over (
        order by at_stake_amt desc, total_sales_amt desc, store_key asc, product_key asc
    ) as alert_rank,
    alert,
    at_stake_amt,
    is_out_of_stock,
    is_low_stock,
    is_under_supply,

    -- what it rests on
    no_stock_instances,
    no_stock_impact,
    low_stock_instances,
    potential_low_stock_impact,
    weeks_of_supply,
    supply_gap_amt,
    week_end_on_hand_qty,
    week_end_on_order_qty,
    stock_as_of_date,
    total_sales_qty,
    total_sales_amt,
    avg_sales_price,

    -- store
    store_num,
    store_desc,
    city,
    region,
    market_name,
    submarket_name,

    -- product
    prod_name,
    brand_name,
    category_name,
    subcategory_name
from alerts
