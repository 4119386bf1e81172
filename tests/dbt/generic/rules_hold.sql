{#- Every rule holds in every row; a null does not hold. The table is read once for all of them, and
    a row that breaks some is shown with their names.

    rules: mapping of names to conditions -#}
{% test rules_hold(model, rules) %}
{%- set names_of_broken = [] -%}
{%- for name, condition in rules.items() -%}
    {%- do names_of_broken.append(
        "case when not coalesce(" ~ condition | trim ~ ", false) then '" ~ name ~ "' end"
    ) -%}
{%- endfor -%}
with judged as (

    select
        *,
        concat_ws(', ', {{ names_of_broken | join(", ") }}) as broken_rules
    from {{ model }}

)

select *
from judged
where broken_rules <> ''
{% endtest %}
