{{ config(materialized="run_slices", partition_by="run_id") }}

with inventory as (

    {{
        accepted_rows(
            "inventory",
            rows=ref("base_retail__inventory"),
            repeated=ref("base_retail__repeated_rows"),
            columns=[
                "load_date", "cal_dt", "store_key", "prod_key", "inventory_on_hand_qty",
                "inventory_on_order_qty", "out_of_stock_flg", "waste_qty", "promotion_flg",
                "next_delivery_dt",
            ],
        )
    }}

),

changed_dates as (

    select
        business_date,
        load_date,
        run_id
    from {{ ref("base_retail__load_coverage") }}
    where raw_table = 'inventory' and is_changed

),

renamed as (

    select
        -- keys
        inventory.store_key,
        inventory.prod_key as product_key,

        -- dates
        inventory.cal_dt as business_date,
        inventory.next_delivery_dt as next_delivery_date,

        -- quantities
        inventory.inventory_on_hand_qty as on_hand_qty,
        inventory.inventory_on_order_qty as on_order_qty,
        inventory.waste_qty,

        -- flags
        inventory.out_of_stock_flg,
        inventory.promotion_flg,

        -- load metadata
        inventory.load_date,
        changed_dates.run_id
    from inventory
    inner join changed_dates
        on inventory.cal_dt = changed_dates.business_date
        and inventory.load_date = changed_dates.load_date

)

select
    store_key,
    product_key,
    business_date,
    next_delivery_date,
    on_hand_qty,
    on_order_qty,
    waste_qty,
    out_of_stock_flg,
    promotion_flg,
    load_date,
    run_id
from renamed
