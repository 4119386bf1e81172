-- depends_on: {{ ref("toy__int_publications_planned") }}
select
    meter_code,
    readings,
    energy,
    estimated_readings,
    last_read_at,
    month
from {{ ref("int_monthly_energy_aggregated") }}
