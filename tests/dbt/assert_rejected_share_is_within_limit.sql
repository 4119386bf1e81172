-- A dump with more bad rows than the limit (var max_rejected_share) is not published. Look at the
-- rows in int_rejected_rows, mend the source and unload the night again, or raise the limit for one
-- run.
select
    counts.load_date,
    counts.raw_table,
    counts.rows_read,
    counts.rows_rejected,
    requests.max_rejected_share
from {{ ref("int_load_row_counts") }} as counts
cross join {{ source("run", "run_requests") }} as requests
where
    counts.is_of_this_run
    and counts.rows_rejected > requests.max_rejected_share * counts.rows_read
