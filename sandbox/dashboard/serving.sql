-- What models/serving/ is in Athena, as DuckDB tables: same schema, same names, same columns.
-- They are tables, not views over the parquet files: the file is opened without access to others.
-- Schema retail_marts holds the exported tables when this runs.
create schema retail_serving;

create macro given(text_value) as coalesce(nullif(trim(text_value), ''), 'not given');

create table retail_serving.weekly_sales_inventory as
select
    fact.*,
    calendar.yr_wk_num,
    calendar.mnth_num,
    calendar.yr_mnth_num,
    calendar.qtr_num,
    calendar.yr_qtr_num,
    store.store_num,
    coalesce(
        nullif(trim(store.store_desc), ''),
        'Store ' || coalesce(store.store_num, cast(fact.store_key as varchar))
    ) as store_desc,
    given(store.store_type_desc) as store_type_desc,
    given(store.city) as city,
    given(store.region) as region,
    given(store.market_name) as market_name,
    given(store.submarket_name) as submarket_name,
    coalesce(
        nullif(trim(product.prod_name), ''), 'Product ' || cast(fact.product_key as varchar)
    ) as prod_name,
    given(product.brand_name) as brand_name,
    given(product.category_name) as category_name,
    given(product.subcategory_name) as subcategory_name,
    given(product.status_code_name) as status_code_name
from retail_marts.fct_weekly_sales_inventory as fact
left join retail_marts.dim_calendar as calendar
    on fact.week_end_date = calendar.cal_dt
-- A key that is in no dimension shows the unknown member.
left join retail_marts.dim_store as known_store
    on fact.store_key = known_store.store_key
left join retail_marts.dim_store as store
    on coalesce(known_store.store_key, -1) = store.store_key
left join retail_marts.dim_product as known_product
    on fact.product_key = known_product.product_key
left join retail_marts.dim_product as product
    on coalesce(known_product.product_key, -1) = product.product_key
-- Queries ask for a week: rows of one week lie together.
order by fact.week_end_date, fact.store_key, fact.product_key;

create table retail_serving.latest_complete_week as
select *
from retail_serving.weekly_sales_inventory
where week_end_date = (
    select max(week_end_date)
    from retail_serving.weekly_sales_inventory
    where is_complete_week
);

-- An item is low on supply when its stock lasts less than this many weeks.
create macro least_weeks_of_supply() as 1;

create table retail_serving.stock_alerts as
select
    row_number() over (
        order by no_stock_impact + potential_low_stock_impact desc, store_key, product_key
    ) as alert_rank,
    case
        when no_stock_instances > 0 then 'out of stock'
        when low_stock_instances > 0 then 'low stock'
        else 'low supply'
    end as alert,
    no_stock_impact + potential_low_stock_impact as impact_amt,
    *
from retail_serving.latest_complete_week
where
    no_stock_instances > 0
    or low_stock_instances > 0
    or weeks_of_supply < least_weeks_of_supply();

create table retail_serving.store_week_scorecard as
select
    year_number,
    week_number,
    week_start_date,
    week_end_date,
    is_complete_week,
    days_in_week,
    store_key,
    any_value(store_desc) as store_desc,
    any_value(region) as region,
    any_value(market_name) as market_name,
    count(*) as product_count,
    sum(total_sales_qty) as total_sales_qty,
    sum(total_sales_amt) as total_sales_amt,
    sum(total_sales_cost) as total_sales_cost,
    sum(no_stock_instances) as no_stock_instances,
    sum(low_stock_instances) as low_stock_instances,
    sum(potential_low_stock_impact) as potential_low_stock_impact,
    sum(no_stock_impact) as no_stock_impact
from retail_serving.weekly_sales_inventory
group by all;

create table retail_serving.rejected_rows_daily as
select
    load_date,
    table_name as raw_table,
    reason,
    count(*) as rejected_rows
from retail_marts.rejected_rows
group by all;
