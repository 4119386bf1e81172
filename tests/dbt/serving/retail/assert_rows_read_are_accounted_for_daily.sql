-- A row is a load and table of which rejected_rows_daily does not say what became of every row:
-- rejected_rows and load_row_counts are not of the same state of the lake.
select
    load_date,
    raw_table,
    sum(rows_read) as rows_read,
    sum(rows_accepted) as rows_accepted,
    sum(rows_duplicate) as rows_duplicate,
    sum(rows_rejected) as rows_rejected
from {{ ref("rejected_rows_daily") }}
group by load_date, raw_table
having sum(rows_read) <> sum(rows_accepted) + sum(rows_duplicate) + sum(rows_rejected)
