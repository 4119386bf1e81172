-- A dump with more bad rows than var max_rejected_share is not published. Look at the rows in
-- int_rejected_rows, mend the source and unload the night again, or raise the limit for one run.
select
    load_date,
    raw_table,
    rows_read,
    rows_rejected
from {{ ref("int_load_row_counts") }}
where is_of_this_run and rows_rejected > {{ var("max_rejected_share") }} * rows_read
