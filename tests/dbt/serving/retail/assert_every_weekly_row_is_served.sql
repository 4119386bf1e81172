-- A difference means that the joins of weekly_sales_inventory lose rows or bring more of them: look
-- for keys that stand twice in dim_store, dim_product or dim_calendar.
with published as (

    select
        count(*) as row_count,
        sum(total_sales_qty) as sales_qty,
        sum(total_sales_amt) as sales_amt,
        sum(no_stock_impact) as no_stock_impact
    from {{ source("retail_published", "fct_weekly_sales_inventory") }}

),

served as (

    select
        count(*) as row_count,
        sum(total_sales_qty) as sales_qty,
        sum(total_sales_amt) as sales_amt,
        sum(no_stock_impact) as no_stock_impact
    from {{ ref("weekly_sales_inventory") }}

)

select *
from published
except
select *
from served
