with sales_loads as (

    select * from {{ ref("base_retail__sales_loads") }}

),

-- A date that was restated has rows of several runs; one of them is current.
current_runs as (

    select
        business_date,
        run_id
    from {{ ref("base_retail__load_coverage") }}
    where raw_table = 'sales'

)

select
    -- keys
    sales_loads.transaction_id,
    sales_loads.store_key,
    sales_loads.product_key,

    -- dates
    sales_loads.business_date,
    sales_loads.transaction_hour,

    -- quantities and amounts
    sales_loads.sales_qty,
    sales_loads.sales_price,
    sales_loads.sales_amt,
    sales_loads.discount_amt,
    sales_loads.sales_cost,
    sales_loads.sales_margin_amt,
    sales_loads.shipping_cost,

    -- load metadata
    sales_loads.load_date,
    sales_loads.run_id
from sales_loads
inner join current_runs
    on sales_loads.business_date = current_runs.business_date
    and sales_loads.run_id = current_runs.run_id
