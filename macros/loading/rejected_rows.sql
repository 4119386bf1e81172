{#- The rejected rows of this run, whole and as text, each with its reason and its place.

    Arguments
        located: relation of the rejected rows, as macros/loading/rejects_located.sql tells -#}
{% macro rejected_rows(located) %}
    with located as (

        select * from {{ located }}

    ),

    -- Rows of one key with different values are rare. Their text is not kept while the files are
    -- read, so it is read again for the tables that have such rows: from sources that dbt does not
    -- see while it parses, but the rows stand for them.
    texts_of_conflicts as (

        {%- for raw_table in tables_with_conflicts(located) %}
        {%- set keys = source_columns(raw_table) | selectattr("key") | map(attribute="name") %}
        select
            '{{ raw_table }}' as raw_table,
            '{{ keys | join(", ") | upper }}' as key_columns,
            file_name,
            text_hash,
            any_value(raw_row) as raw_row
        from {{ source(domain_of(model) ~ "_raw", raw_table) }}
        where (file_name, text_hash) in (
            select located.file_name, located.text_hash
            from located
            where located.reason = 'conflicting_duplicate' and located.raw_table = '{{ raw_table }}'
        )
        group by file_name, text_hash
        union all
        {%- endfor %}
        select
            cast(null as string) as raw_table,
            cast(null as string) as key_columns,
            cast(null as string) as file_name,
            cast(null as bigint) as text_hash,
            cast(null as string) as raw_row
        where false

    )

    select
        located.raw_table as table_name,
        located.file_name,
        located.reason,
        coalesce(texts_of_conflicts.key_columns, located.reject_column) as column_name,
        coalesce(texts_of_conflicts.raw_row, located.raw_row) as raw_row,
        located.line_number,
        located.line_count,
        located.load_date
    from located
    left join texts_of_conflicts
        on located.reason = 'conflicting_duplicate'
        and located.raw_table = texts_of_conflicts.raw_table
        and located.file_name = texts_of_conflicts.file_name
        and located.text_hash = texts_of_conflicts.text_hash
{% endmacro %}


{#- The raw tables that have rows of one key with different values in this run. Unless a run is
    under way, all of them. -#}
{% macro tables_with_conflicts(located) %}
    {%- if not execute or flags.WHICH not in ["build", "run"] -%}
        {%- do return(raw_tables()) -%}
    {%- endif -%}
    {%- do return(
        run_query(
            "select distinct raw_table from " ~ located ~ " where reason = 'conflicting_duplicate'"
        ).columns[0].values() | list
    ) -%}
{% endmacro %}
