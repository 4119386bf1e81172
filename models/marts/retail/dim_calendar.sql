-- depends_on: {{ ref("int_publications_planned") }}
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
from {{ ref("stg_retail__calendar") }}
