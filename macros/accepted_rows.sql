{#- The accepted rows of a raw table in this run's files: those that fit, duplicates once, without
    the rows of keys that come with different values.

    Arguments
        raw_table: name of the raw table
        columns:   columns of base_retail__<raw_table> to select -#}
{% macro accepted_rows(raw_table, columns) %}
    select {{ columns | join(", ") }}
    from {{ ref("base_retail__" ~ raw_table) }}
    where row_reject_reason is null and date_reject_reason is null
        and row_id not in (
            select row_id from {{ ref("base_retail__repeated_rows") }}
            where raw_table = '{{ raw_table }}' and resolution <> 'kept'
        )
{% endmacro %}
