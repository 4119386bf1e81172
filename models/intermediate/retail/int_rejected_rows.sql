{{
    config(
        partition_by="load_date",
        candidate_for="rejected_rows",
    )
}}

{%- set raw_tables = ["sales", "inventory", "store", "product", "calendar"] %}

with repeated_rows as (

    select * from {{ ref("base_retail__repeated_rows") }}

),

rejected as (

    {% for raw_table in raw_tables %}
    {%- set rows = ref("base_retail__" ~ raw_table) %}
    {%- set keys = source_columns(raw_table) | selectattr("key") | list %}
    -- {{ raw_table }}: rows that do not fit by themselves or by their date
    select
        '{{ raw_table }}' as table_name,
        file_name,
        coalesce(row_reject_reason, date_reject_reason) as reason,
        reject_column as column_name,
        raw_row,
        load_date
    from {{ rows }}
    where
        row_reject_reason is not null
        or date_reject_reason is not null
        and row_id not in (
            select row_id from repeated_rows
            where raw_table = '{{ raw_table }}' and resolution <> 'kept'
        )
    union all

    -- {{ raw_table }}: rows of one key with different values; their text is not kept while the
    -- files are read, because they are rare: it is read again, where there are any
    select
        '{{ raw_table }}' as table_name,
        rows_again.file_name,
        'conflicting_duplicate' as reason,
        '{{ keys | map(attribute="name") | join(", ") | upper }}' as column_name,
        rows_again.raw_row,
        rows_again.load_date
    from {{ source("raw", raw_table) }} as rows_again
    semi join
        (
            select {{ rows }}.*
            from {{ rows }}
            semi join repeated_rows
                on {{ rows }}.row_id = repeated_rows.row_id
                and repeated_rows.raw_table = '{{ raw_table }}'
                and repeated_rows.resolution = 'conflicting_duplicate'
        ) as conflicting_rows
        on rows_again.file_name = conflicting_rows.file_name
        {%- for key in keys %}
        and try_cast(rows_again.{{ key.name }} as {{ key.data_type }})
        = conflicting_rows.{{ key.name }}
        {%- endfor %}
    anti join {{ rows }} as misfits
        on rows_again.file_name = misfits.file_name
        and rows_again.raw_row = misfits.raw_row
        and misfits.row_reject_reason is not null
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select
    table_name,
    file_name,
    reason,
    column_name,
    raw_row,
    load_date
from rejected
