{{ config(materialized="run_table") }}

with left_out as (

    select * from {{ ref("base_retail__repeated_rows") }}
    where resolution <> 'kept'

),

fitting_rows as (

    select
        'sales' as raw_table,
        load_date,
        trans_dt as business_date,
        row_id,
        row_hash,
        sales_qty,
        sales_amt,
        sales_cost
    from {{ ref("base_retail__sales") }}
    where row_reject_reason is null and date_reject_reason is null
    union all
    select
        'inventory' as raw_table,
        load_date,
        cal_dt as business_date,
        row_id,
        row_hash,
        null as sales_qty,
        null as sales_amt,
        null as sales_cost
    from {{ ref("base_retail__inventory") }}
    where row_reject_reason is null and date_reject_reason is null
    {%- for raw_table in ["store", "product", "calendar"] %}
    union all
    select
        '{{ raw_table }}' as raw_table,
        load_date,
        null as business_date,
        row_id,
        row_hash,
        null as sales_qty,
        null as sales_amt,
        null as sales_cost
    from {{ ref("base_retail__" ~ raw_table) }}
    where row_reject_reason is null
    {%- endfor %}

),

accepted_totals as (

    select
        raw_table,
        load_date,
        business_date,
        count(*) as row_count,
        sum(cast(row_hash as decimal(38, 0))) as row_checksum,
        sum(sales_qty) as sales_qty,
        sum(sales_amt) as sales_amt,
        sum(sales_cost) as sales_cost
    from fitting_rows
    anti join left_out using (raw_table, row_id)
    group by raw_table, load_date, business_date

)

select
    raw_table,
    load_date,
    business_date,
    row_count,
    row_checksum,
    sales_qty,
    sales_amt,
    sales_cost
from accepted_totals
