{#- All rows of this run's files in one shape, whatever table they are of.

    Arguments
        tables: mapping of raw tables to the relations of their parsed rows

    Result columns: raw_table, load_date, business_date (null where the table has none), file_name,
    block_start, line_number, line_count, text_hash, row_id, row_hash (all as
    macros/loading/parsed_rows.sql tells), the control totals (null where the table has no such
    column), row_reject_reason, date_reject_reason, reject_column, raw_row, and
        key_hash  of table, load date and key: equal for rows of one key, and rarely for others
        row_key   the key's columns as text: equal, within a table and dump, for rows of one key
                  only -#}
{% macro rows_of_tables(tables) %}
    {%- for raw_table, relation in tables.items() %}
    {%- set columns = source_columns(raw_table) %}
    {%- set names = columns | map(attribute="name") | list %}
    {%- set keys = columns | selectattr("key") | map(attribute="name") | list %}
    {{ "union all" if not loop.first }}
    select
        '{{ raw_table }}' as raw_table,
        load_date,
        {{ business_date_of(raw_table) or "cast(null as date)" }} as business_date,
        file_name,
        block_start,
        line_number,
        line_count,
        text_hash,
        row_id,
        row_hash,
        xxhash64('{{ raw_table }}', load_date, {{ keys | join(", ") }}) as key_hash,
        to_json(array({{ text_of(keys) }})) as row_key,
        {%- for total in control_totals() %}
        {{ total if total in names else "null" }} as {{ total }},
        {%- endfor %}
        row_reject_reason,
        date_reject_reason,
        reject_column,
        raw_row
    from {{ relation }}
    {%- endfor %}
{% endmacro %}


{#- Columns as a list of texts. -#}
{% macro text_of(columns) -%}
    {%- for column in columns -%}
        cast({{ column }} as string){{ ", " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
