{{ config(materialized="run_table") }}

with calendar as (

    select * from {{ ref("base_retail__calendar") }}

),

files as (

    select * from {{ source("run", "run_files") }}

),

-- A day that stands in the calendar twice, with different values, is rejected and so unknown.
known_dates as (

    select
        load_date,
        cal_dt as business_date
    from calendar
    where row_reject_reason is null
    group by load_date, cal_dt
    having
        min(row_hash) = max(row_hash)
        and min(yr_num) is not null
        and min(wk_num) is not null

),

covered_ranges as (

    select
        load_date,
        raw_table,
        first_business_date,
        last_business_date
    from files
    where first_business_date is not null

),

-- Without a manifest a dump covers whatever dates occur in it.
tables_without_ranges as (

    select
        load_date,
        raw_table
    from files
    group by load_date, raw_table
    having count(first_business_date) = 0

),

covered_dates as (

    select
        known_dates.load_date,
        known_dates.business_date,
        covered_ranges.raw_table
    from known_dates
    inner join covered_ranges
        on known_dates.load_date = covered_ranges.load_date
        and known_dates.business_date >= covered_ranges.first_business_date
        and known_dates.business_date <= covered_ranges.last_business_date
    union all
    select
        known_dates.load_date,
        known_dates.business_date,
        tables_without_ranges.raw_table
    from known_dates
    inner join tables_without_ranges
        on known_dates.load_date = tables_without_ranges.load_date

),

business_dates as (

    select
        known_dates.load_date,
        known_dates.business_date,
        coalesce(bool_or(covered_dates.raw_table = 'sales'), false) as is_sales_covered,
        coalesce(bool_or(covered_dates.raw_table = 'inventory'), false) as is_inventory_covered
    from known_dates
    left join covered_dates
        on known_dates.load_date = covered_dates.load_date
        and known_dates.business_date = covered_dates.business_date
    group by known_dates.load_date, known_dates.business_date

)

select
    load_date,
    business_date,
    is_sales_covered,
    is_inventory_covered
from business_dates
