{{ config(materialized="run_table", meta={"candidate_for": "dim_meter"}) }}

with meters as (

    {{
        accepted_rows(
            "meter",
            rows=ref("base_toy__meter"),
            repeated=ref("base_toy__repeated_rows"),
            columns=["load_date", "meter_code", "place"],
        )
    }}

)

select
    meter_code,
    place
from meters
where load_date = (select last_load_date from {{ ref("base_toy__run") }})
