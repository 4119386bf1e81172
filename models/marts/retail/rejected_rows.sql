-- depends_on: {{ ref("int_publications_planned") }}
select
    table_name,
    file_name,
    reason,
    column_name,
    raw_row,
    line_number,
    line_count,
    load_date
from {{ ref("int_rejected_rows") }}
