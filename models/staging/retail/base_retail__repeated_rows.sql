{{ config(materialized="run_table") }}

{%- set raw_tables = ["sales", "inventory", "store", "product", "calendar"] %}

-- Keys that stand more than once are few, so only their rows are compared with each other.
{% for raw_table in raw_tables %}
{%- set rows = ref("base_retail__" ~ raw_table) %}
{%- set keys = ["load_date"] + source_keys(raw_table) %}
select
    '{{ raw_table }}' as raw_table,
    row_id,
    case
        when is_conflicting then 'conflicting_duplicate'
        when row_number() over (partition by {{ keys | join(", ") }} order by row_id) > 1
            then 'duplicate'
        else 'kept'
    end as resolution,
    load_date
from {{ rows }}
inner join
    (
        select
            {{ keys | join(", ") }},
            min(row_hash) <> max(row_hash) as is_conflicting
        from {{ rows }}
        where row_reject_reason is null
        group by {{ keys | join(", ") }}
        having count(*) > 1
    )
    using ({{ keys | join(", ") }})
where row_reject_reason is null
{{ "union all" if not loop.last }}
{% endfor %}
