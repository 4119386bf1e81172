-- The calendar ends soon, or has ended: days that it does not know are rejected, and its last week
-- is complete only if it has seven days. Ask the owner of the source for the next year's weeks.
{{ config(severity="warn") }}

-- 9999-12-31 and the like stand for no day.
with calendar as (

    select * from {{ ref("stg_retail__calendar") }}
    where yr_num is not null and wk_num is not null and year(cal_dt) < 9999

)

select
    concat(
        'the calendar ends on ', max(calendar.cal_dt), ', ',
        date_diff(max(calendar.cal_dt), run.last_load_date), ' days after the load date'
    ) as finding
from {{ ref("base_retail__run") }} as run
cross join calendar
group by run.last_load_date
having date_diff(max(calendar.cal_dt), run.last_load_date) < 14
