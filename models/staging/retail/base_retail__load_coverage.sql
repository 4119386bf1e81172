{{ config(materialized="run_table") }}

with run as (

    select * from {{ ref("base_retail__run") }}

),

business_dates as (

    select * from {{ ref("base_retail__business_dates") }}

),

files as (

    select * from {{ source("run", "run_files") }}

),

published as (

    select * from {{ published_table("load_coverage") }}

),

accepted_totals as (

    select * from {{ ref("base_retail__accepted_totals") }}
    where business_date is not null

),

-- The dates that a manifest names, with or without rows.
covered_by_manifest as (

    select distinct
        files.raw_table,
        files.load_date,
        business_dates.business_date
    from files
    inner join business_dates
        on files.load_date = business_dates.load_date
        and files.first_business_date <= business_dates.business_date
        and files.last_business_date >= business_dates.business_date
    where business_dates.business_date < files.load_date

),

covered as (

    select
        raw_table,
        load_date,
        business_date,
        coalesce(accepted_totals.row_count, 0) as row_count,
        coalesce(accepted_totals.row_checksum, 0) as row_checksum,
        coalesce(accepted_totals.sales_qty, 0) as sales_qty,
        coalesce(accepted_totals.sales_amt, 0) as sales_amt,
        coalesce(accepted_totals.sales_cost, 0) as sales_cost
    from covered_by_manifest
    full outer join accepted_totals using (raw_table, load_date, business_date)

),

newest_in_run as (

    select *
    from
        (
            select
                *,
                row_number() over (
                    partition by raw_table, business_date order by load_date desc
                ) as newness
            from covered
        ) as numbered
    where newness = 1

),

before_run as (

    select published.*
    from published
    cross join run
    where not run.is_full_refresh

),

-- The restatement rule: the newest dump that covers a date replaces it whole.
compared as (

    select
        raw_table,
        business_date,
        before_run.load_date as before_load_date,
        coalesce(
            newest_in_run.load_date >= before_run.load_date, newest_in_run.load_date is not null
        ) as is_replaced,
        not (
            newest_in_run.row_count <=> coalesce(before_run.row_count, 0)
            and newest_in_run.row_checksum <=> coalesce(before_run.row_checksum, 0)
        ) as is_different,
        newest_in_run.load_date as new_load_date,
        newest_in_run.row_count as new_row_count,
        newest_in_run.row_checksum as new_row_checksum,
        newest_in_run.sales_qty as new_sales_qty,
        newest_in_run.sales_amt as new_sales_amt,
        newest_in_run.sales_cost as new_sales_cost,
        before_run.run_id as before_run_id,
        before_run.row_count as before_row_count,
        before_run.row_checksum as before_row_checksum,
        before_run.sales_qty as before_sales_qty,
        before_run.sales_amt as before_sales_amt,
        before_run.sales_cost as before_sales_cost
    from newest_in_run
    full outer join before_run using (raw_table, business_date)

),

load_coverage as (

    select
        compared.raw_table,
        compared.business_date,
        if(is_replaced, new_load_date, before_load_date) as load_date,
        if(is_replaced and (is_different or before_run_id is null), run.run_id, before_run_id)
            as run_id,
        if(is_replaced, new_row_count, before_row_count) as row_count,
        if(is_replaced, new_row_checksum, before_row_checksum) as row_checksum,
        if(is_replaced, new_sales_qty, before_sales_qty) as sales_qty,
        if(is_replaced, new_sales_amt, before_sales_amt) as sales_amt,
        if(is_replaced, new_sales_cost, before_sales_cost) as sales_cost,
        is_replaced and is_different as is_changed
    from compared
    cross join run

)

select
    raw_table,
    business_date,
    load_date,
    run_id,
    row_count,
    row_checksum,
    cast(sales_qty as decimal(28, 4)) as sales_qty,
    cast(sales_amt as decimal(28, 4)) as sales_amt,
    cast(sales_cost as decimal(28, 4)) as sales_cost,
    is_changed
from load_coverage
