{{ config(materialized="view") }}

with week_days as (

    select * from {{ ref("int_week_days_touched") }}

),

inventory as (

    select * from {{ ref("stg_retail__inventory") }}

),

week_end_stock as (

    select
        week_days.week_end_date,
        inventory.store_key,
        inventory.product_key,
        max_by(inventory.on_hand_qty, inventory.business_date) as week_end_on_hand_qty,
        max_by(inventory.on_order_qty, inventory.business_date) as week_end_on_order_qty,
        max(inventory.business_date) as stock_as_of_date
    from inventory
    inner join week_days
        on inventory.business_date = week_days.business_date
    where inventory.on_hand_qty is not null
    group by week_days.week_end_date, inventory.store_key, inventory.product_key

)

select
    week_end_date,
    store_key,
    product_key,
    week_end_on_hand_qty,
    week_end_on_order_qty,
    stock_as_of_date
from week_end_stock
