-- depends_on: {{ ref("int_publications_planned") }}
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
from {{ ref("int_store_completed") }}
