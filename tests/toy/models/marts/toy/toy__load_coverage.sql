-- depends_on: {{ ref("toy__int_publications_planned") }}
select
    raw_table,
    business_date,
    load_date,
    run_id,
    row_count,
    row_checksum,
    energy
from {{ ref("base_toy__load_coverage") }}
