with inventory_loads as (

    select * from {{ ref("base_retail__inventory_loads") }}

),

-- A date that was restated has rows of several runs; one of them is current.
current_runs as (

    select
        business_date,
        run_id
    from {{ ref("base_retail__load_coverage") }}
    where raw_table = 'inventory'

)

select
    -- keys
    inventory_loads.store_key,
    inventory_loads.product_key,

    -- dates
    inventory_loads.business_date,
    inventory_loads.next_delivery_date,

    -- quantities
    inventory_loads.on_hand_qty,
    inventory_loads.on_order_qty,
    inventory_loads.waste_qty,

    -- flags
    inventory_loads.out_of_stock_flg,
    inventory_loads.promotion_flg,

    -- load metadata
    inventory_loads.load_date,
    inventory_loads.run_id
from inventory_loads
inner join current_runs
    on inventory_loads.business_date = current_runs.business_date
    and inventory_loads.run_id = current_runs.run_id
