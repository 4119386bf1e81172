with store as (

    {{
        accepted_rows(
            "store",
            rows=ref("base_retail__store"),
            repeated=ref("base_retail__repeated_rows"),
            columns=[
                "load_date", "store_key", "store_num", "store_desc", "addr",
                "city", "region", "cntry_cd", "cntry_nm", "postal_zip_cd",
                "prov_state_desc", "prov_state_cd", "store_type_cd",
                "store_type_desc", "frnchs_flg", "store_size", "market_key",
                "market_name", "submarket_key", "submarket_name", "latitude",
                "longitude",
            ],
        )
    }}

),

newest_load as (

    select last_load_date from {{ ref("base_retail__run") }}

),

renamed as (

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
    from store
    inner join newest_load
        on store.load_date = newest_load.last_load_date

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
from renamed
