-- The files have the bytes that the manifest names, but not its rows: as a rule an unclosed quote
-- has swallowed rows. Look at the last rows of the table in base_retail__<table>.
select
    load_date,
    raw_table,
    rows_in_manifest,
    rows_read
from {{ ref("int_load_row_counts") }}
where is_of_this_run and rows_read < rows_in_manifest
