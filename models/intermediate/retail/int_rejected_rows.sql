{{
    config(
        partition_by="load_date",
        candidate_for="rejected_rows",
    )
}}

{%- set raw_tables = ["sales", "inventory", "store", "product", "calendar"] %}

with left_out as (

    select * from {{ ref("base_retail__repeated_rows") }}
    where resolution <> 'kept'

),

-- Rows that do not fit by themselves, or by their date; of equal rows with a wrong date one counts
-- here, the others are duplicates.
misfits as (

    {%- for raw_table in raw_tables %}
    select
        '{{ raw_table }}' as raw_table,
        row_id,
        file_name,
        row_reject_reason,
        date_reject_reason,
        reject_column,
        raw_row,
        load_date
    from {{ ref("base_retail__" ~ raw_table) }}
    where row_reject_reason is not null or date_reject_reason is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

-- Rows of one key with different values are rare. Their text is not kept while the files are read,
-- so it is read again for the tables that have such rows.
conflicts as (

    {%- for raw_table in tables_with_conflicts(raw_tables) %}
    {%- set rows = ref("base_retail__" ~ raw_table) %}
    {%- set keys = source_columns(raw_table) | selectattr("key") | list %}
    select
        '{{ raw_table }}' as raw_table,
        '{{ keys | map(attribute="name") | join(", ") | upper }}' as reject_column,
        rows_again.file_name,
        rows_again.raw_row,
        rows_again.load_date
    from {{ source("raw", raw_table) }} as rows_again
    semi join
        (
            select base_rows.*
            from {{ rows }} as base_rows
            semi join left_out
                on base_rows.row_id = left_out.row_id
                and left_out.raw_table = '{{ raw_table }}'
                and left_out.resolution = 'conflicting_duplicate'
        ) as conflicting_rows
        on rows_again.file_name = conflicting_rows.file_name
        {%- for key in keys %}
        and try_cast(rows_again.{{ key.name }} as {{ key.data_type }})
        = conflicting_rows.{{ key.name }}
        {%- endfor %}
    union all
    {%- endfor %}
    select
        cast(null as string) as raw_table,
        cast(null as string) as reject_column,
        cast(null as string) as file_name,
        cast(null as string) as raw_row,
        cast(null as date) as load_date
    where false

),

rejected as (

    select
        raw_table as table_name,
        file_name,
        coalesce(row_reject_reason, date_reject_reason) as reason,
        reject_column as column_name,
        raw_row,
        load_date
    from misfits
    left anti join left_out using (raw_table, row_id)
    union all
    select
        conflicts.raw_table as table_name,
        conflicts.file_name,
        'conflicting_duplicate' as reason,
        conflicts.reject_column as column_name,
        conflicts.raw_row,
        conflicts.load_date
    from conflicts
    left anti join misfits
        on conflicts.raw_table = misfits.raw_table
        and conflicts.file_name = misfits.file_name
        and conflicts.raw_row = misfits.raw_row
        and misfits.row_reject_reason is not null

)

select
    table_name,
    file_name,
    reason,
    column_name,
    raw_row,
    load_date
from rejected
