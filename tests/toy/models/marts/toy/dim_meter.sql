-- depends_on: {{ ref("toy__int_publications_planned") }}
select
    meter_code,
    place
from {{ ref("stg_toy__meters") }}
