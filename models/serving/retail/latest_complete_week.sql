with weekly_sales_inventory as (

    select * from {{ ref("weekly_sales_inventory") }}

),

-- From the published table: its files alone tell it, without the joins of the view.
complete_weeks as (

    select max(week_end_date) as newest_week_end_date
    from {{ source("retail_published", "fct_weekly_sales_inventory") }}
    where is_complete_week

)

select
    -- keys
    year_number,
    week_number,
    week_start_date,
    week_end_date,
    store_key,
    product_key,

    -- progress of the week
    is_complete_week,
    days_in_week,

    -- sales
    total_sales_qty,
    total_sales_amt,
    avg_sales_price,
    total_sales_cost,

    -- stock at the end of the week
    week_end_on_hand_qty,
    week_end_on_order_qty,
    stock_as_of_date,
    weeks_of_supply,

    -- availability
    in_stock_rate,
    out_of_stock_rate,
    no_stock_instances,
    low_stock_instances,
    total_low_stock_impact,
    potential_low_stock_impact,
    no_stock_impact,

    -- store
    store_num,
    store_desc,
    addr,
    city,
    region,
    cntry_cd,
    cntry_nm,
    postal_zip_cd,
    prov_state_desc,
    prov_state_cd,
    store_type_cd,
    store_type_desc,
    frnchs_flg,
    store_size,
    market_key,
    market_name,
    submarket_key,
    submarket_name,
    latitude,
    longitude,

    -- product
    prod_name,
    vol,
    wgt,
    brand_name,
    status_code,
    status_code_name,
    category_key,
    category_name,
    subcategory_key,
    subcategory_name,

    -- calendar
    cal_type_desc,
    yr_wk_num,
    mnth_num,
    yr_mnth_num,
    qtr_num,
    yr_qtr_num
from weekly_sales_inventory
where week_end_date = (select newest_week_end_date from complete_weeks)
