-- Sold or in stock, but not in the store or product table of the newest dump. The fact keeps such
-- rows; join them to the dimensions' unknown member (key -1). Tell the owner of the source.
{{ config(severity="warn") }}

with weekly as (

    select * from {{ ref("int_weekly_sales_inventory_aggregated") }}

),

unknown as (

    select
        'store' as dimension,
        weekly.store_key as unknown_key,
        weekly.total_sales_amt
    from weekly
    anti join {{ ref("stg_retail__store") }} using (store_key)
    union all
    select
        'product' as dimension,
        weekly.product_key as unknown_key,
        weekly.total_sales_amt
    from weekly
    anti join {{ ref("stg_retail__product") }} using (product_key)

)

select
    dimension || ' ' || unknown_key || ' is in no ' || dimension || ' dump: '
    || format_number(count(*), 0) || if(count(*) = 1, ' row', ' rows')
    || ' of the fact, sales of ' || format_number(sum(total_sales_amt), 2) as finding
from unknown
group by dimension, unknown_key
order by sum(total_sales_amt) desc, finding asc
