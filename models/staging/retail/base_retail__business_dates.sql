{{ config(materialized="run_table") }}

-- A day that stands in the calendar twice, with different values, is rejected and so unknown.
{%- set known_dates %}
    select
        load_date,
        cal_dt as business_date
    from {{ ref("base_retail__calendar") }}
    where row_reject_reason is null
    group by load_date, cal_dt
    having
        min(row_hash) = max(row_hash)
        and min(yr_num) is not null
        and min(wk_num) is not null
{%- endset %}

{{ business_dates(known_dates, files=source("retail_run", "run_files")) }}
