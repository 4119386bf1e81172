{#- The rejected rows of this run, whole and as text, each with its reason and its place.

    Arguments
        rows:     relation of all rows of the run, in the shape of rows_of_tables
        repeated: relation of the repeated rows among them
        lines:    relation of the lines on which rejected rows stand -#}
{% macro rejected_rows(rows, repeated, lines) %}
    with lines as (

        select * from {{ lines }}

    ),

    left_out as (

        select * from {{ repeated }}
        where resolution <> 'kept'

    ),

    -- Rows that do not fit by themselves, or by their date; of equal rows with a wrong date one
    -- counts here, the others are duplicates.
    misfits as (

        select * from {{ rows }}
        where row_reject_reason is not null or date_reject_reason is not null

    ),

    -- Rows of one key with different values are rare. Their text is not kept while the files are
    -- read, so it is read again for the tables that have such rows: from sources that dbt does not
    -- see while it parses, but the rows stand for them.
    conflicts as (

        {%- for raw_table in tables_with_conflicts(repeated) %}
        {%- set columns = source_columns(raw_table) %}
        {%- set keys = columns | selectattr("key") | map(attribute="name") | join(", ") | upper %}
        {%- set values = [] %}
        {%- for column in columns %}{% do values.append(typed_value(column)) %}{% endfor %}
        select
            '{{ raw_table }}' as raw_table,
            '{{ keys }}' as reject_column,
            conflicting_rows.row_id,
            conflicting_rows.file_name,
            rows_again.raw_row,
            conflicting_rows.load_date
        from
            (
                select
                    base_rows.row_id,
                    base_rows.file_name,
                    base_rows.load_date,
                    base_rows.row_hash,
                    row_number() over (
                        partition by base_rows.file_name, base_rows.row_hash
                        order by base_rows.row_id
                    ) as number_among_equals
                from {{ rows }} as base_rows
                semi join left_out
                    on base_rows.raw_table = left_out.raw_table
                    and base_rows.row_id = left_out.row_id
                    and left_out.resolution = 'conflicting_duplicate'
                where base_rows.raw_table = '{{ raw_table }}'
            ) as conflicting_rows
        inner join
            (
                select
                    typed_again.*,
                    row_number() over (
                        partition by typed_again.file_name, typed_again.row_hash
                        order by typed_again.raw_row
                    ) as number_among_equals
                from
                    (
                        select
                            file_name,
                            raw_row,
                            {{ hash_of_row(values) }} as row_hash
                        from {{ source(domain_of(model) ~ "_raw", raw_table) }}
                    ) as typed_again
                left anti join misfits
                    on misfits.raw_table = '{{ raw_table }}'
                    and typed_again.file_name = misfits.file_name
                    and typed_again.raw_row = misfits.raw_row
                    and misfits.row_reject_reason is not null
            ) as rows_again
            on conflicting_rows.file_name = rows_again.file_name
            and conflicting_rows.row_hash = rows_again.row_hash
            and conflicting_rows.number_among_equals = rows_again.number_among_equals
        union all
        {%- endfor %}
        select
            cast(null as string) as raw_table,
            cast(null as string) as reject_column,
            cast(null as bigint) as row_id,
            cast(null as string) as file_name,
            cast(null as string) as raw_row,
            cast(null as date) as load_date
        where false

    ),

    rejected as (

        select
            raw_table,
            row_id,
            file_name,
            coalesce(row_reject_reason, date_reject_reason) as reason,
            reject_column,
            raw_row,
            load_date
        from misfits
        left anti join left_out using (raw_table, row_id)
        union all
        select
            raw_table,
            row_id,
            file_name,
            'conflicting_duplicate' as reason,
            reject_column,
            raw_row,
            load_date
        from conflicts

    ),

    rejected_rows as (

        select
            rejected.raw_table as table_name,
            rejected.file_name,
            rejected.reason,
            rejected.reject_column as column_name,
            rejected.raw_row,
            lines.line_number,
            lines.line_count,
            rejected.load_date
        from rejected
        left join lines
            on rejected.raw_table = lines.raw_table
            and rejected.row_id = lines.row_id

    )

    select
        table_name,
        file_name,
        reason,
        column_name,
        raw_row,
        line_number,
        line_count,
        load_date
    from rejected_rows
{% endmacro %}


{#- The raw tables that have rows of one key with different values in this run. Unless a run is
    under way, all of them. -#}
{% macro tables_with_conflicts(repeated) %}
    {%- if not execute or flags.WHICH not in ["build", "run"] -%}
        {%- do return(raw_tables()) -%}
    {%- endif -%}
    {%- do return(
        run_query(
            "select distinct raw_table from " ~ repeated
            ~ " where resolution = 'conflicting_duplicate'"
        ).columns[0].values() | list
    ) -%}
{% endmacro %}
