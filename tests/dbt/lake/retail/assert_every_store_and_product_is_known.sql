-- Sold or in stock, but not in the store or product table of the newest dump. The fact keeps such
-- rows; join them to the dimensions' unknown member (key -1). Tell the owner of the source.
{{ config(severity="warn") }}

with run as (

    select * from {{ ref("base_retail__run") }}

),

weekly as (

    select * from {{ ref("int_weekly_sales_inventory_aggregated") }}

),

-- The newest dump's are published already, unless this run has loaded it.
stores as (

    select stores_of_run.store_key
    from {{ ref("stg_retail__store") }} as stores_of_run
    cross join run
    where run.is_newest_load
    union all
    select published_stores.store_key
    from {{ source("retail_published", "dim_store") }} as published_stores
    cross join run
    where not run.is_newest_load

),

products as (

    select products_of_run.product_key
    from {{ ref("stg_retail__product") }} as products_of_run
    cross join run
    where run.is_newest_load
    union all
    select published_products.product_key
    from {{ source("retail_published", "dim_product") }} as published_products
    cross join run
    where not run.is_newest_load

),

unknown as (

    select
        'store' as dimension,
        weekly.store_key as unknown_key,
        weekly.total_sales_amt
    from weekly
    anti join stores using (store_key)
    union all
    select
        'product' as dimension,
        weekly.product_key as unknown_key,
        weekly.total_sales_amt
    from weekly
    anti join products using (product_key)

)

select
    dimension || ' ' || unknown_key || ' is in no ' || dimension || ' dump: '
    || format_number(count(*), 0) || if(count(*) = 1, ' row', ' rows')
    || ' of the fact, sales of ' || format_number(sum(total_sales_amt), 2) as finding
from unknown
group by dimension, unknown_key
order by sum(total_sales_amt) desc, finding asc
