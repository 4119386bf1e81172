{#- How target athena creates a view: with the types of its contract, whatever those of the table
    below are.

    Athena keeps the types of a view's columns as they were when it was created, and refuses every
    query of it ("view is stale") once a column below has a type that cannot become that one. The
    tables change when a night is published, the views some minutes later; with a cast of each
    column the views go on meanwhile. -#}
{% macro athena__create_view_as(relation, sql) -%}
    {{ get_assert_columns_equivalent(sql) }}
    create or replace view {{ relation }} as
    select
        {%- for column in model.columns.values() %}
        cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from (
{{ sql }}
    ) as {{ relation.identifier }}
{%- endmacro %}
