with weekly_sales as (

    select * from {{ source("retail_published", "fct_weekly_sales_inventory") }}

),

-- A store or product without a name shows its number.
named_stores as (

    select
        *,
        coalesce(
            store_desc, 'Store ' || coalesce(store_num, cast(store_key as varchar))
        ) as store_name
    from {{ source("retail_published", "dim_store") }}

),

named_products as (

    select
        *,
        coalesce(prod_name, 'Product ' || cast(product_key as varchar)) as product_name
    from {{ source("retail_published", "dim_product") }}

),

-- Where several have one name the key follows, so that charts by name do not add them up.
stores as (

    select
        *,
        case
            when count(*) over (partition by store_name) = 1 then store_name
            else store_name || ' (' || cast(store_key as varchar) || ')'
        end as unique_name
    from named_stores

),

products as (

    select
        *,
        case
            when count(*) over (partition by product_name) = 1 then product_name
            else product_name || ' (' || cast(product_key as varchar) || ')'
        end as unique_name
    from named_products

),

-- A week's month and quarter are those of its last day.
week_ends as (

    select * from {{ source("retail_published", "dim_calendar") }}

)

select
    -- keys
    weekly_sales.year_number,
    weekly_sales.week_number,
    weekly_sales.week_start_date,
    weekly_sales.week_end_date,
    weekly_sales.store_key,
    weekly_sales.product_key,

    -- progress of the week
    weekly_sales.is_complete_week,
    weekly_sales.days_in_week,

    -- sales
    weekly_sales.total_sales_qty,
    weekly_sales.total_sales_amt,
    weekly_sales.avg_sales_price,
    weekly_sales.total_sales_cost,

    -- stock at the end of the week
    weekly_sales.week_end_on_hand_qty,
    weekly_sales.week_end_on_order_qty,
    weekly_sales.stock_as_of_date,
    weekly_sales.weeks_of_supply,

    -- availability
    weekly_sales.in_stock_rate,
    weekly_sales.out_of_stock_rate,
    weekly_sales.no_stock_instances,
    weekly_sales.low_stock_instances,
    weekly_sales.total_low_stock_impact,
    weekly_sales.potential_low_stock_impact,
    weekly_sales.no_stock_impact,

    -- store; what the dump does not tell is 'unknown', so that every row can be filtered
    stores.store_num,
    coalesce(
        stores.unique_name, 'Store ' || cast(weekly_sales.store_key as varchar)
    ) as store_desc,
    stores.addr,
    coalesce(stores.city, 'unknown') as city,
    coalesce(stores.region, 'unknown') as region,
    stores.cntry_cd,
    coalesce(stores.cntry_nm, 'unknown') as cntry_nm,
    stores.postal_zip_cd,
    coalesce(stores.prov_state_desc, 'unknown') as prov_state_desc,
    stores.prov_state_cd,
    stores.store_type_cd,
    coalesce(stores.store_type_desc, 'unknown') as store_type_desc,
    stores.frnchs_flg,
    stores.store_size,
    stores.market_key,
    coalesce(stores.market_name, 'unknown') as market_name,
    stores.submarket_key,
    coalesce(stores.submarket_name, 'unknown') as submarket_name,
    stores.latitude,
    stores.longitude,

    -- product
    coalesce(
        products.unique_name, 'Product ' || cast(weekly_sales.product_key as varchar)
    ) as prod_name,
    products.vol,
    products.wgt,
    coalesce(products.brand_name, 'unknown') as brand_name,
    products.status_code,
    coalesce(products.status_code_name, 'unknown') as status_code_name,
    products.category_key,
    coalesce(products.category_name, 'unknown') as category_name,
    products.subcategory_key,
    coalesce(products.subcategory_name, 'unknown') as subcategory_name,

    -- calendar
    week_ends.cal_type_desc,
    week_ends.yr_wk_num,
    week_ends.mnth_num,
    week_ends.yr_mnth_num,
    week_ends.qtr_num,
    week_ends.yr_qtr_num
from weekly_sales
left join stores
    on weekly_sales.store_key = stores.store_key
left join products
    on weekly_sales.product_key = products.product_key
left join week_ends
    on weekly_sales.week_end_date = week_ends.cal_dt
