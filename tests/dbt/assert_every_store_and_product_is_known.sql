-- Sold or in stock, but not in the store or product table of the newest dump. The fact keeps such
-- rows; join them to the dimensions' unknown member (key -1). Tell the owner of the source.
{{ config(severity="warn") }}

with weekly as (

    select distinct
        store_key,
        product_key
    from {{ ref("int_weekly_sales_inventory_aggregated") }}

)

select
    'store' as dimension,
    weekly.store_key as unknown_key
from weekly
anti join {{ ref("stg_retail__store") }} using (store_key)
union distinct
select
    'product' as dimension,
    weekly.product_key as unknown_key
from weekly
anti join {{ ref("stg_retail__product") }} using (product_key)
