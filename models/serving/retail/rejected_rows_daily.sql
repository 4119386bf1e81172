with load_row_counts as (

    select * from {{ source("retail_published", "load_row_counts") }}

),

rejected_rows as (

    select * from {{ source("retail_published", "rejected_rows") }}

),

-- What was read stands in a row of its own, so that sums over reasons do not count it again.
rows_of_loads as (

    select
        load_date,
        raw_table,
        'none' as reason,
        rows_read,
        rows_accepted,
        rows_duplicate,
        0 as rows_rejected
    from load_row_counts

),

rows_of_reasons as (

    select
        load_date,
        table_name as raw_table,
        reason,
        0 as rows_read,
        0 as rows_accepted,
        0 as rows_duplicate,
        -- A malformed row counts as many rows as it takes lines; older loads do not tell lines.
        sum(case when reason = 'malformed_row' then coalesce(line_count, 1) else 1 end)
            as rows_rejected
    from rejected_rows
    group by load_date, table_name, reason

),

rejected_rows_daily as (

    select * from rows_of_loads
    union all
    select * from rows_of_reasons

)

select
    load_date,
    raw_table,
    reason,
    rows_read,
    rows_accepted,
    rows_duplicate,
    rows_rejected
from rejected_rows_daily
