{{ config(materialized="run_slices", partition_by="run_id") }}

with readings as (

    {{
        accepted_rows(
            "reading",
            rows=ref("base_toy__reading"),
            repeated=ref("base_toy__repeated_rows"),
            columns=[
                "load_date", "meter_code", "phase", "tariff", "read_on", "read_at", "energy",
                "is_estimated",
            ],
        )
    }}

),

changed_dates as (

    select
        business_date,
        load_date,
        run_id
    from {{ ref("base_toy__load_coverage") }}
    where raw_table = 'reading' and is_changed

)

select
    readings.meter_code,
    readings.phase,
    readings.tariff,
    readings.read_on as business_date,
    readings.read_at,
    readings.energy,
    readings.is_estimated,
    changed_dates.run_id
from readings
inner join changed_dates
    on readings.read_on = changed_dates.business_date
    and readings.load_date = changed_dates.load_date
