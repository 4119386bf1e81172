-- depends_on: {{ ref("int_publications_planned") }}
select
    raw_table,
    business_date,
    load_date,
    run_id,
    row_count,
    row_checksum,
    sales_qty,
    sales_amt,
    sales_cost
from {{ ref("base_retail__load_coverage") }}
