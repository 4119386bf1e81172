-- depends_on: {{ ref("toy__int_publications_planned") }}
select
    load_date,
    raw_table,
    run_id,
    rows_in_manifest,
    rows_read,
    rows_accepted,
    rows_duplicate,
    rows_rejected
from {{ ref("toy__int_load_row_counts") }}
