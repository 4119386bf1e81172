{{ config(materialized="view") }}

with store_product_days as (

    select * from {{ ref("int_store_product_days_joined") }}

),

week_end_stock as (

    select
        week_end_date,
        store_key,
        product_key,
        max_by(on_hand_qty, business_date) as week_end_on_hand_qty,
        max_by(on_order_qty, business_date) as week_end_on_order_qty,
        max(business_date) as stock_as_of_date
    from store_product_days
    where on_hand_qty is not null
    group by week_end_date, store_key, product_key

)

select
    week_end_date,
    store_key,
    product_key,
    week_end_on_hand_qty,
    week_end_on_order_qty,
    stock_as_of_date
from week_end_stock
