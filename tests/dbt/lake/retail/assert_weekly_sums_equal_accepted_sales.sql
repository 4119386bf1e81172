-- Metrics 1, 2 and 6 of a week sum up to what was accepted for its days. The totals were taken
-- while the files were read, so a row here means that a join or a grouping after that lost or
-- doubled rows.
with week_days as (

    select * from {{ ref("int_week_days_touched") }}

),

coverage as (

    select * from {{ ref("base_retail__load_coverage") }}
    where raw_table = 'sales'

),

weekly as (

    select
        week_end_date,
        sum(total_sales_qty) as sales_qty,
        sum(total_sales_amt) as sales_amt,
        sum(total_sales_cost) as sales_cost
    from {{ ref("int_weekly_sales_inventory_aggregated") }}
    group by week_end_date

),

accepted as (

    select
        week_days.week_end_date,
        sum(coverage.sales_qty) as sales_qty,
        sum(coverage.sales_amt) as sales_amt,
        sum(coverage.sales_cost) as sales_cost
    from week_days
    inner join coverage
        on week_days.business_date = coverage.business_date
    group by week_days.week_end_date

)

select
    week_end_date,
    accepted.sales_qty as accepted_qty,
    weekly.sales_qty as weekly_qty,
    accepted.sales_amt as accepted_amt,
    weekly.sales_amt as weekly_amt,
    accepted.sales_cost as accepted_cost,
    weekly.sales_cost as weekly_cost
from accepted
full outer join weekly using (week_end_date)
where
    coalesce(accepted.sales_qty, 0) <> coalesce(weekly.sales_qty, 0)
    or coalesce(accepted.sales_amt, 0) <> coalesce(weekly.sales_amt, 0)
    or coalesce(accepted.sales_cost, 0) <> coalesce(weekly.sales_cost, 0)
