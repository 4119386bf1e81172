-- A week is one run of at most seven days. A calendar that joins the calendar year with the ISO
-- week has a week 1 with days of January and December, and its sums would mix them. Mend the
-- source's calendar and unload the night again. (A day that was rejected is no gap.)
with calendar as (

    select * from {{ ref("stg_retail__calendar") }}
    where yr_num is not null and wk_num is not null

),

numbered as (

    select
        *,
        row_number() over (order by cal_dt) as place_in_calendar
    from calendar

),

rejected_days as (

    select count(*) as row_count
    from {{ ref("int_rejected_rows") }}
    where table_name = 'calendar'

),

weeks as (

    select
        yr_num as year_number,
        wk_num as week_number,
        min(cal_dt) as first_day,
        max(cal_dt) as last_day,
        count(*) as days_in_calendar,
        max(place_in_calendar) - min(place_in_calendar) + 1 as days_of_all_weeks_between
    from numbered
    group by yr_num, wk_num

)

select
    weeks.year_number,
    weeks.week_number,
    weeks.first_day,
    weeks.last_day,
    weeks.days_in_calendar
from weeks
cross join rejected_days
where
    date_diff(weeks.last_day, weeks.first_day) >= 7
    or weeks.days_of_all_weeks_between <> weeks.days_in_calendar
    or (
        date_diff(weeks.last_day, weeks.first_day) >= weeks.days_in_calendar
        and rejected_days.row_count = 0
    )
