{{ config(materialized="run_table") }}

{#- The key columns of all raw tables, as numbers side by side. -#}
{%- set keys_of = {
    "sales": ["trans_id", "store_key", "prod_key", "unix_date(trans_dt)"],
    "inventory": ["0", "store_key", "prod_key", "unix_date(cal_dt)"],
    "store": ["0", "store_key", "0", "0"],
    "product": ["0", "0", "prod_key", "0"],
    "calendar": ["0", "0", "0", "unix_date(cal_dt)"],
} %}
{%- set key = "raw_table, load_date, key_1, key_2, key_3, key_4" %}

with fitting_rows as (

    {%- for raw_table, keys in keys_of.items() %}
    select
        '{{ raw_table }}' as raw_table,
        load_date,
        {%- for key_column in keys %}
        cast({{ key_column }} as bigint) as key_{{ loop.index }},
        {%- endfor %}
        row_id,
        row_hash
    from {{ ref("base_retail__" ~ raw_table) }}
    where row_reject_reason is null
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

-- They are few, so only their rows are compared with each other.
repeated_keys as (

    select
        {{ key }},
        min(row_hash) <> max(row_hash) as is_conflicting
    from fitting_rows
    group by {{ key }}
    having count(*) > 1

),

repeated_rows as (

    select
        raw_table,
        row_id,
        case
            when is_conflicting then 'conflicting_duplicate'
            when row_number() over (partition by {{ key }} order by row_id) > 1 then 'duplicate'
            else 'kept'
        end as resolution,
        load_date
    from fitting_rows
    inner join repeated_keys using ({{ key }})

)

select
    raw_table,
    row_id,
    resolution,
    load_date
from repeated_rows
