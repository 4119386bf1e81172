{{ config(materialized="run_slices", partition_by="run_id") }}

with sales as (

    {{
        accepted_rows(
            "sales",
            rows=ref("base_retail__sales"),
            repeated=ref("base_retail__repeated_rows"),
            columns=[
                "load_date", "trans_id", "prod_key", "store_key", "trans_dt", "trans_time",
                "sales_qty", "sales_price", "sales_amt", "discount", "sales_cost", "sales_mgrn",
                "ship_cost",
            ],
        )
    }}

),

changed_dates as (

    select
        business_date,
        load_date,
        run_id
    from {{ ref("base_retail__load_coverage") }}
    where raw_table = 'sales' and is_changed

),

renamed as (

    select
        -- keys
        sales.trans_id as transaction_id,
        sales.store_key,
        sales.prod_key as product_key,

        -- dates
        sales.trans_dt as business_date,
        sales.trans_time as transaction_hour,

        -- quantities and amounts
        sales.sales_qty,
        sales.sales_price,
        sales.sales_amt,
        sales.discount as discount_amt,
        sales.sales_cost,
        sales.sales_mgrn as sales_margin_amt,
        sales.ship_cost as shipping_cost,

        -- load metadata
        sales.load_date,
        changed_dates.run_id
    from sales
    inner join changed_dates
        on sales.trans_dt = changed_dates.business_date
        and sales.load_date = changed_dates.load_date

)

select
    transaction_id,
    store_key,
    product_key,
    business_date,
    transaction_hour,
    sales_qty,
    sales_price,
    sales_amt,
    discount_amt,
    sales_cost,
    sales_margin_amt,
    shipping_cost,
    load_date,
    run_id
from renamed
