{{
    config(
        partition_by="load_date",
        candidate_for="rejected_rows",
    )
}}

{%- set raw_tables = ["sales", "inventory", "store", "product", "calendar"] %}

with repeated_keys as (

    select * from {{ ref("base_retail__repeated_keys") }}

),

conflicting_keys as (

    select * from repeated_keys
    where is_conflicting

),

rejected as (

    {% for raw_table in raw_tables %}
    {%- set keys = source_columns(raw_table) | selectattr("key") | map(attribute="name") | list %}
    {%- set rows = ref("base_retail__" ~ raw_table) %}
    -- rows that do not fit by themselves
    select
        '{{ raw_table }}' as table_name,
        file_name,
        row_reject_reason as reason,
        reject_column as column_name,
        raw_row,
        load_date
    from {{ rows }}
    where row_reject_reason is not null
    union all

    {% if raw_table in ["sales", "inventory"] %}
    -- rows whose date does not fit; equal ones count once, the others are duplicates
    select
        '{{ raw_table }}' as table_name,
        min(file_name) as file_name,
        min(date_reject_reason) as reason,
        min(reject_column) as column_name,
        min(raw_row) as raw_row,
        load_date
    from {{ rows }}
    anti join (select * from conflicting_keys where raw_table = '{{ raw_table }}')
        using (load_date, {{ keys | join(", ") }})
    where row_reject_reason is null and date_reject_reason is not null
    group by load_date, {{ keys | join(", ") }}
    union all
    {% endif %}

    -- rows of one key with different values; they are rare, so their text is not kept while the
    -- files are read: it is read again, where there are any
    select
        '{{ raw_table }}' as table_name,
        file_name,
        'conflicting_duplicate' as reason,
        '{{ keys | join(", ") | upper }}' as column_name,
        raw_row,
        load_date
    from ({{ parsed_rows(raw_table, with_all_raw_rows=true) }})
    semi join (select * from conflicting_keys where raw_table = '{{ raw_table }}')
        using (load_date, {{ keys | join(", ") }})
    where row_reject_reason is null
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
