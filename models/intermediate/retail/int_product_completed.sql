{{ config(materialized="run_table", meta={"candidate_for": "dim_product"}) }}

with products as (

    select * from {{ ref("stg_retail__product") }}

),

-- Stands for every product that sold or had stock but is not in the dump. A source that has a row
-- of this key has its own.
unknown_member as (

    select
        cast(-1 as bigint) as product_key,
        'unknown' as prod_name,
        cast(null as string) as vol,
        cast(null as string) as wgt,
        'unknown' as brand_name,
        cast(null as string) as status_code,
        'unknown' as status_code_name,
        cast(null as string) as category_key,
        'unknown' as category_name,
        cast(null as string) as subcategory_key,
        'unknown' as subcategory_name

),

product_completed as (

    select * from products
    union all
    select * from unknown_member
    left anti join products using (product_key)

)

select
    product_key,
    prod_name,
    vol,
    wgt,
    brand_name,
    status_code,
    status_code_name,
    category_key,
    category_name,
    subcategory_key,
    subcategory_name
from product_completed
