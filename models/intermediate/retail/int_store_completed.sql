{{ config(materialized="run_table", meta={"candidate_for": "dim_store"}) }}

with stores as (

    select * from {{ ref("stg_retail__store") }}

),

-- Stands for every store that sold or had stock but is not in the dump. A source that has a row
-- of this key has its own.
unknown_member as (

    select
        cast(-1 as bigint) as store_key,
        cast(null as string) as store_num,
        'unknown' as store_desc,
        cast(null as string) as addr,
        'unknown' as city,
        'unknown' as region,
        cast(null as string) as cntry_cd,
        'unknown' as cntry_nm,
        cast(null as string) as postal_zip_cd,
        'unknown' as prov_state_desc,
        cast(null as string) as prov_state_cd,
        cast(null as string) as store_type_cd,
        'unknown' as store_type_desc,
        cast(null as string) as frnchs_flg,
        cast(null as string) as store_size,
        cast(null as string) as market_key,
        'unknown' as market_name,
        cast(null as string) as submarket_key,
        'unknown' as submarket_name,
        cast(null as string) as latitude,
        cast(null as string) as longitude

),

store_completed as (

    select * from stores
    union all
    select * from unknown_member
    left anti join stores using (store_key)

)

select
    store_key,
    store_num,
    store_desc,
    addr,
    city,
    region,
    cntry_cd,
    cntry_nm,
    postal_zip_cd,
    prov_state_desc,
    prov_state_cd,
    store_type_cd,
    store_type_desc,
    frnchs_flg,
    store_size,
    market_key,
    market_name,
    submarket_key,
    submarket_name,
    latitude,
    longitude
from store_completed
