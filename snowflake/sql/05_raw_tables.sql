-- The five raw tables of the data contract. Snowflake does not enforce a primary key: it is here
-- for readers. A table that is there keeps its columns, whatever the source has added to them; plan
-- tells the differences. What sources write in different ways (202601, 2026-01) stays text.

use role &{deployer_role};
use schema &{database}.raw;

create table if not exists sales (
    trans_id bigint not null,
    prod_key bigint not null,
    store_key bigint not null,
    trans_dt date not null,
    trans_time int,
    sales_qty number(18, 4),
    sales_price number(18, 4),
    sales_amt number(18, 4),
    discount number(18, 4),
    sales_cost number(18, 4),
    sales_mgrn number(18, 4),
    ship_cost number(18, 4),
    primary key (trans_id, prod_key, store_key, trans_dt)
)
comment = 'One row per line of a receipt; returns have negative quantities and amounts';

create table if not exists inventory (
    cal_dt date not null,
    store_key bigint not null,
    prod_key bigint not null,
    inventory_on_hand_qty number(18, 4),
    inventory_on_order_qty number(18, 4),
    out_of_stock_flg number(1, 0),
    waste_qty number(18, 4),
    promotion_flg number(1, 0),
    next_delivery_dt date,
    primary key (cal_dt, store_key, prod_key)
)
comment = 'One row per day, store and product that was counted';

create table if not exists calendar (
    cal_dt date not null,
    cal_type_desc varchar,
    day_of_wk_num varchar,
    day_of_wk_desc varchar,
    yr_num int,
    wk_num int,
    yr_wk_num varchar,
    mnth_num varchar,
    yr_mnth_num varchar,
    qtr_num varchar,
    yr_qtr_num varchar,
    primary key (cal_dt)
)
comment = 'One row per day, with the retail week it belongs to';

create table if not exists store (
    store_key bigint not null,
    store_num varchar,
    store_desc varchar,
    addr varchar,
    city varchar,
    region varchar,
    cntry_cd varchar,
    cntry_nm varchar,
    postal_zip_cd varchar,
    prov_state_desc varchar,
    prov_state_cd varchar,
    store_type_cd varchar,
    store_type_desc varchar,
    frnchs_flg varchar,
    store_size varchar,
    market_key varchar,
    market_name varchar,
    submarket_key varchar,
    submarket_name varchar,
    latitude varchar,
    longitude varchar,
    primary key (store_key)
)
comment = 'One row per store';

create table if not exists product (
    prod_key bigint not null,
    prod_name varchar,
    vol varchar,
    wgt varchar,
    brand_name varchar,
    status_code varchar,
    status_code_name varchar,
    category_key varchar,
    category_name varchar,
    subcategory_key varchar,
    subcategory_name varchar,
    primary key (prod_key)
)
comment = 'One row per product';

grant select on all tables in schema &{database}.raw to role &{unloader_role};
grant select, insert, delete on all tables in schema &{database}.raw to role &{loader_role};
