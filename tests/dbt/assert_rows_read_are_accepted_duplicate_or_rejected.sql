-- Every row of a dump ends in one of three places. A row here means that rows were lost or doubled
-- between the files and staging: do not publish; compare base_retail__<table> with the file.
select
    load_date,
    raw_table,
    rows_read,
    rows_accepted,
    rows_duplicate,
    rows_rejected
from {{ ref("int_load_row_counts") }}
where rows_read <> rows_accepted + rows_duplicate + rows_rejected
