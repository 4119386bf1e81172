-- Loads the raw tables from the source bucket, where each table has a folder. The tables then hold
-- what the files hold, whatever they held before; on an error they stay as they were. deploy.py
-- runs this file on its command `load`, and takes a folder without rows for an error.

use role &{loader_role};
use warehouse &{warehouse};
use schema &{database}.raw;

begin;

delete from sales;
copy into sales from @&{database}.ops.source/sales/ force = true;

delete from inventory;
copy into inventory from @&{database}.ops.source/inventory/ force = true;

delete from store;
copy into store from @&{database}.ops.source/store/ force = true;

delete from product;
copy into product from @&{database}.ops.source/product/ force = true;

delete from calendar;
copy into calendar from @&{database}.ops.source/calendar/ force = true;

commit;
