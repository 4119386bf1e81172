-- One row per key among the rows that this run brought; those of earlier runs were tested then. A
-- row here means that duplicates passed base_retail__repeated_rows.
select
    'sales' as raw_table,
    store_key,
    product_key,
    business_date,
    transaction_id
from {{ ref("base_retail__sales_loads") }}
where run_id in (select run_id from {{ ref("base_retail__run") }})
group by store_key, product_key, business_date, transaction_id
having count(*) > 1
union all
select
    'inventory' as raw_table,
    store_key,
    product_key,
    business_date,
    null as transaction_id
from {{ ref("base_retail__inventory_loads") }}
where run_id in (select run_id from {{ ref("base_retail__run") }})
group by store_key, product_key, business_date
having count(*) > 1
