{#- The accepted rows of a raw table in this run's files: those that fit, duplicates once, without
    the rows of keys that come with different values.

    Arguments
        raw_table: name of the raw table
        rows:      relation of its parsed rows
        repeated:  relation of the repeated rows of all tables
        columns:   those of its columns that are selected -#}
{% macro accepted_rows(raw_table, rows, repeated, columns) %}
    select {{ columns | join(", ") }}
    from {{ rows }}
    where row_reject_reason is null and date_reject_reason is null
        and row_id not in (
            select row_id from {{ repeated }}
            where raw_table = '{{ raw_table }}' and resolution <> 'kept'
        )
{% endmacro %}
