-- Staging has as many rows for each changed date as its dump had accepted ones. A row here means
-- that the copy into base_retail__sales_loads or base_retail__inventory_loads lost or doubled rows.
with coverage as (

    select * from {{ ref("base_retail__load_coverage") }}
    where is_changed

),

staged as (

    select
        'sales' as raw_table,
        business_date,
        run_id,
        count(*) as row_count
    from {{ ref("base_retail__sales_loads") }}
    where run_id in (select run_id from {{ ref("base_retail__run") }})
    group by business_date, run_id
    union all
    select
        'inventory' as raw_table,
        business_date,
        run_id,
        count(*) as row_count
    from {{ ref("base_retail__inventory_loads") }}
    where run_id in (select run_id from {{ ref("base_retail__run") }})
    group by business_date, run_id

)

select
    raw_table,
    business_date,
    coverage.row_count as accepted_rows,
    staged.row_count as staged_rows
from coverage
full outer join staged using (raw_table, business_date, run_id)
where coalesce(coverage.row_count, 0) <> coalesce(staged.row_count, 0)
