{{ config(materialized="run_table", meta={"candidate_for": "dim_calendar"}) }}

with calendar as (

    {{
        accepted_rows(
            "calendar",
            rows=ref("base_retail__calendar"),
            repeated=ref("base_retail__repeated_rows"),
            columns=[
                "load_date", "cal_dt", "cal_type_desc", "day_of_wk_num",
                "day_of_wk_desc", "yr_num", "wk_num", "yr_wk_num", "mnth_num",
                "yr_mnth_num", "qtr_num", "yr_qtr_num",
            ],
        )
    }}

),

newest_load as (

    select last_load_date from {{ ref("base_retail__run") }}

),

renamed as (

    select
        cal_dt,
        cal_type_desc,
        day_of_wk_num,
        day_of_wk_desc,
        yr_num,
        wk_num,
        yr_wk_num,
        mnth_num,
        yr_mnth_num,
        qtr_num,
        yr_qtr_num
    from calendar
    inner join newest_load
        on calendar.load_date = newest_load.last_load_date

)

select
    cal_dt,
    cal_type_desc,
    day_of_wk_num,
    day_of_wk_desc,
    yr_num,
    wk_num,
    yr_wk_num,
    mnth_num,
    yr_mnth_num,
    qtr_num,
    yr_qtr_num
from renamed
