{#- Whether the calendar has all days of a week (window "week") that it will ever have. Days far in
    the future (9999-12-31) are no continuation. -#}
{%- set is_whole_week -%}
    count(*) over week = 7
        or coalesce(
            date_diff(max(next_day) over week, max(cal_dt) over week) between 1 and 7, false
        )
{%- endset -%}
with run as (

    select * from {{ ref("base_retail__run") }}

),

coverage as (

    select * from {{ ref("base_retail__load_coverage") }}

),

calendar_before_run as (

    select * from {{ source("retail_published", "dim_calendar") }}

),

calendar_of_run as (

    select * from {{ ref("stg_retail__calendar") }}

),

published_weeks as (

    select partition_date as week_end_date
    from {{ ref("int_publications_current") }}
    where table_name = 'fct_weekly_sales_inventory'

),

-- The calendar of the newest night counts, also when an older one is loaded after it, or none.
calendar as (

    select
        calendar_of_run.cal_dt,
        calendar_of_run.yr_num,
        calendar_of_run.wk_num
    from calendar_of_run
    cross join run
    where run.is_newest_load
    union all
    select
        calendar_before_run.cal_dt,
        calendar_before_run.yr_num,
        calendar_before_run.wk_num
    from calendar_before_run
    cross join run
    where not run.is_newest_load

),

days as (

    select
        *,
        lead(cal_dt) over (order by cal_dt) as next_day
    from calendar
    where yr_num is not null and wk_num is not null

),

days_before_run as (

    select
        *,
        lead(cal_dt) over (order by cal_dt) as next_day
    from calendar_before_run
    where yr_num is not null and wk_num is not null

),

-- A week is what the calendar says; it is never computed from the date. The last one of a calendar
-- may be cut off: unless it has seven days, the calendar must go on after it.
week_days as (

    select
        days.cal_dt as business_date,
        days.yr_num as year_number,
        days.wk_num as week_number,
        min(days.cal_dt) over week as week_start_date,
        max(days.cal_dt) over week as week_end_date,
        cast(count_if(days.cal_dt <= run.as_of_date) over week as int) as days_in_week,
        count(*) over week as days_in_calendar,
        {{ is_whole_week }} as is_whole_in_calendar,
        run.as_of_date,
        run.previous_as_of_date,
        run.is_full_refresh,
        run.rebuild_from
    from days
    cross join run
    window week as (partition by days.yr_num, days.wk_num)

),

week_days_before_run as (

    select
        cal_dt as business_date,
        yr_num as year_number,
        wk_num as week_number,
        count(*) over week as days_in_calendar,
        {{ is_whole_week }} as is_whole_in_calendar
    from days_before_run
    window week as (partition by yr_num, wk_num)

),

dates_with_rows as (

    select
        business_date,
        bool_or(is_changed) as is_changed
    from coverage
    group by business_date
    having sum(row_count) > 0 or bool_or(is_changed)

),

-- Why a week is rebuilt, day by day.
reasons as (

    select
        week_days.*,
        dates_with_rows.business_date is not null
        or published_weeks.week_end_date is not null as has_rows,
        coalesce(dates_with_rows.is_changed, false) as is_changed,
        not (
            week_days.year_number <=> week_days_before_run.year_number
            and week_days.week_number <=> week_days_before_run.week_number
            and week_days.days_in_calendar <=> week_days_before_run.days_in_calendar
            and week_days.is_whole_in_calendar <=> week_days_before_run.is_whole_in_calendar
        ) as is_new_in_calendar
    from week_days
    left join dates_with_rows
        on week_days.business_date = dates_with_rows.business_date
    left join week_days_before_run
        on week_days.business_date = week_days_before_run.business_date
    left join published_weeks
        on week_days.business_date = published_weeks.week_end_date

),

judged as (

    select
        *,
        bool_or(has_rows) over week as is_week_with_rows,
        case
            when is_full_refresh then 'full refresh'
            when rebuild_from <= week_end_date then 'rebuild'
            when bool_or(is_changed) over week then 'rows changed'
            when bool_or(is_new_in_calendar) over week then 'calendar changed'
            -- Rates and the number of days of a running week change with time alone.
            when
                previous_as_of_date < as_of_date
                and previous_as_of_date < week_end_date
                and previous_as_of_date >= week_start_date
                then 'time passed'
        end as touch_reason
    from reasons
    window week as (partition by year_number, week_number)

)

select
    business_date,
    year_number,
    week_number,
    week_start_date,
    week_end_date,
    days_in_week,
    is_whole_in_calendar and week_end_date <= as_of_date as is_complete_week,
    touch_reason
from judged
where is_week_with_rows and touch_reason is not null
