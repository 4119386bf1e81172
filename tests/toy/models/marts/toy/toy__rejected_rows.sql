-- depends_on: {{ ref("toy__int_publications_planned") }}
select
    table_name,
    file_name,
    reason,
    column_name,
    raw_row,
    line_number,
    line_count,
    load_date
from {{ ref("toy__int_rejected_rows") }}
