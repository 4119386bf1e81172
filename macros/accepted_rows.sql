{#- The accepted rows of a raw table in this run's files: those that fit, duplicates once, without
    the rows of keys that come with different values.

    Arguments
        raw_table: name of the raw table
        columns:   columns of base_retail__<raw_table> to select, beside its keys and load_date

    Only repeated keys, which are few, are compared row with row. -#}
{% macro accepted_rows(raw_table, columns) %}
    {%- set keys = source_columns(raw_table) | selectattr("key") | map(attribute="name") -%}
    {%- set keys = ["load_date"] + keys | list -%}
    {%- set selected = (keys + columns) | unique | join(", ") -%}
    {%- set rows = ref("base_retail__" ~ raw_table) -%}
    {%- set repeated -%}
        (
            select * from {{ ref("base_retail__repeated_keys") }}
            where raw_table = '{{ raw_table }}'
        )
    {%- endset -%}
    select {{ selected }}
    from {{ rows }}
    anti join {{ repeated }} as repeated using ({{ keys | join(", ") }})
    where row_reject_reason is null and date_reject_reason is null
    union all
    select {{ selected }}
    from
        (
            select distinct {{ selected }}, row_hash
            from {{ rows }}
            semi join (select * from {{ repeated }} where not is_conflicting) as repeated
                using ({{ keys | join(", ") }})
            where row_reject_reason is null and date_reject_reason is null
        )
{% endmacro %}
