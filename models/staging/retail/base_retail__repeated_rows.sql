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

-- Nearly all keys come once. To leave them out, one number for each is enough: two keys of the same
-- number are told apart below.
suspected_keys as (

    select xxhash64({{ key }}) as key_hash
    from fitting_rows
    group by key_hash
    having count(*) > 1

),

suspects as (

    select *
    from fitting_rows
    where xxhash64({{ key }}) in (select key_hash from suspected_keys)

),

compared as (

    select
        raw_table,
        row_id,
        load_date,
        count(*) over same_key as rows_of_key,
        min(row_hash) over same_key <> max(row_hash) over same_key as is_conflicting,
        row_number() over (partition by {{ key }} order by row_id) as position_in_key
    from suspects
    window same_key as (partition by {{ key }})

)

select
    raw_table,
    row_id,
    case
        when is_conflicting then 'conflicting_duplicate'
        when position_in_key > 1 then 'duplicate'
        else 'kept'
    end as resolution,
    load_date
from compared
where rows_of_key > 1
