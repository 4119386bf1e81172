{%- set raw_tables = ["sales", "inventory", "store", "product", "calendar"] %}

with run as (

    select * from {{ ref("base_retail__run") }}

),

files as (

    select * from {{ source("run", "run_files") }}

),

repeated_rows as (

    select * from {{ ref("base_retail__repeated_rows") }}

),

accepted_totals as (

    select * from {{ ref("base_retail__accepted_totals") }}

),

rejected_rows as (

    select * from {{ ref("int_rejected_rows") }}

),

published as (

    select * from {{ published_table("load_row_counts") }}

),

rows_read as (

    {% for raw_table in raw_tables %}
    select
        '{{ raw_table }}' as raw_table,
        load_date,
        count(*) as rows_read
    from {{ ref("base_retail__" ~ raw_table) }}
    group by load_date
    {{ "union all" if not loop.last }}
    {% endfor %}

),

rows_rejected as (

    select
        table_name as raw_table,
        load_date,
        count(*) as rows_rejected
    from rejected_rows
    group by table_name, load_date

),

rows_duplicate as (

    select
        raw_table,
        load_date,
        count(*) as rows_duplicate
    from repeated_rows
    where resolution = 'duplicate'
    group by raw_table, load_date

),

rows_accepted as (

    select
        raw_table,
        load_date,
        sum(row_count) as rows_accepted
    from accepted_totals
    group by raw_table, load_date

),

-- A file without rows counts too.
tables_of_run as (

    select
        load_date,
        raw_table,
        sum(row_count) as rows_in_manifest
    from files
    group by load_date, raw_table

),

counts_of_run as (

    select
        tables_of_run.load_date,
        tables_of_run.raw_table,
        run.run_id,
        tables_of_run.rows_in_manifest,
        coalesce(rows_read.rows_read, 0) as rows_read,
        coalesce(rows_accepted.rows_accepted, 0) as rows_accepted,
        coalesce(rows_duplicate.rows_duplicate, 0) as rows_duplicate,
        coalesce(rows_rejected.rows_rejected, 0) as rows_rejected
    from tables_of_run
    cross join run
    left join rows_read using (load_date, raw_table)
    left join rows_accepted using (load_date, raw_table)
    left join rows_duplicate using (load_date, raw_table)
    left join rows_rejected using (load_date, raw_table)

),

counts_of_other_loads as (

    select published.*
    from published
    cross join run
    anti join counts_of_run
        on published.load_date = counts_of_run.load_date
    where not run.is_full_refresh

),

load_row_counts as (

    select *, true as is_of_this_run from counts_of_run
    union all
    select *, false as is_of_this_run from counts_of_other_loads

)

select
    load_date,
    raw_table,
    run_id,
    rows_in_manifest,
    rows_read,
    rows_accepted,
    rows_duplicate,
    rows_rejected,
    is_of_this_run
from load_row_counts
