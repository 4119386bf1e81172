-- A row is a week whose stores do not add up to the weekly rows: a store's attributes differ within
-- a week, so that it has several lines or none.
with weekly_sales as (

    select
        week_end_date,
        count(*) as product_count,
        sum(total_sales_qty) as sales_qty,
        sum(total_sales_amt) as sales_amt,
        sum(no_stock_instances) as no_stock_instances
    from {{ source("retail_published", "fct_weekly_sales_inventory") }}
    group by week_end_date

),

scorecard as (

    select
        week_end_date,
        sum(product_count) as product_count,
        sum(total_sales_qty) as sales_qty,
        sum(total_sales_amt) as sales_amt,
        sum(no_stock_instances) as no_stock_instances
    from {{ ref("store_week_scorecard") }}
    group by week_end_date

)

select *
from weekly_sales
except
select *
from scorecard
