{{ config(materialized="run_table") }}

with sales as (

    {{
        accepted_rows(
            "sales", ["load_date", "trans_dt", "row_hash", "sales_qty", "sales_amt", "sales_cost"]
        )
    }}

),

inventory as (

    {{ accepted_rows("inventory", ["load_date", "cal_dt", "row_hash"]) }}

),

accepted_totals as (

    select
        'sales' as raw_table,
        load_date,
        trans_dt as business_date,
        count(*) as row_count,
        sum(cast(row_hash as decimal(38, 0))) as row_checksum,
        sum(sales_qty) as sales_qty,
        sum(sales_amt) as sales_amt,
        sum(sales_cost) as sales_cost
    from sales
    group by load_date, trans_dt
    union all
    select
        'inventory' as raw_table,
        load_date,
        cal_dt as business_date,
        count(*) as row_count,
        sum(cast(row_hash as decimal(38, 0))) as row_checksum,
        null as sales_qty,
        null as sales_amt,
        null as sales_cost
    from inventory
    group by load_date, cal_dt
    {%- for raw_table in ["store", "product", "calendar"] %}
    union all
    select
        '{{ raw_table }}' as raw_table,
        load_date,
        null as business_date,
        count(*) as row_count,
        null as row_checksum,
        null as sales_qty,
        null as sales_amt,
        null as sales_cost
    from ({{ accepted_rows(raw_table, ["load_date"]) }})
    group by load_date
    {%- endfor %}

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
