{{ config(materialized="run_table") }}

{%- set key_types = {
    "trans_id": "bigint",
    "trans_dt": "date",
    "cal_dt": "date",
    "store_key": "bigint",
    "prod_key": "bigint",
} %}

{% for raw_table in ["sales", "inventory", "store", "product", "calendar"] %}
{%- set keys = source_columns(raw_table) | selectattr("key") | map(attribute="name") | list %}
select
    '{{ raw_table }}' as raw_table,
    load_date,
    {%- for key, data_type in key_types.items() %}
    {{ key if key in keys else "cast(null as " ~ data_type ~ ")" }} as {{ key }},
    {%- endfor %}
    count(*) as row_count,
    min(row_hash) <> max(row_hash) as is_conflicting
from {{ ref("base_retail__" ~ raw_table) }}
where row_reject_reason is null
group by load_date, {{ keys | join(", ") }}
having count(*) > 1
{{ "union all" if not loop.last }}
{% endfor %}
