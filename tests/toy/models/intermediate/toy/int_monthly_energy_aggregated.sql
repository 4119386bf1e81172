{{ config(partition_by="month", meta={"candidate_for": "fct_monthly_energy"}) }}

select
    readings.meter_code,
    count(*) as readings,
    sum(readings.energy) as energy,
    count_if(readings.is_estimated = 1) as estimated_readings,
    max(readings.read_at) as last_read_at,
    months.month
from {{ ref("stg_toy__readings") }} as readings
inner join {{ ref("int_months_touched") }} as months
    on trunc(readings.business_date, 'month') = months.month
group by readings.meter_code, months.month
