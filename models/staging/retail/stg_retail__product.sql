with product as (

    {{
        accepted_rows(
            "product",
            rows=ref("base_retail__product"),
            repeated=ref("base_retail__repeated_rows"),
            columns=[
                "load_date", "prod_key", "prod_name", "vol", "wgt",
                "brand_name", "status_code", "status_code_name", "category_key",
                "category_name", "subcategory_key", "subcategory_name",
            ],
        )
    }}

),

newest_load as (

    select last_load_date from {{ ref("base_retail__run") }}

),

renamed as (

    select
        prod_key as product_key,
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
    from product
    inner join newest_load
        on product.load_date = newest_load.last_load_date

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
from renamed
