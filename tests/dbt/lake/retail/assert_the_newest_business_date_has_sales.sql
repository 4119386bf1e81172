-- The dump has no sale of the day before its load date. Where shops were closed that is as it
-- should be; otherwise it may be the dump of an earlier night under a new name.
{{ config(severity="warn") }}

with newest_date_with_sales as (

    select max(business_date) as business_date
    from {{ ref("base_retail__load_coverage") }}
    where raw_table = 'sales' and row_count > 0

)

select
    concat(
        'no sale of ', run.as_of_date, ', the day before the load date; the newest ones are of ',
        coalesce(newest.business_date, 'no day at all')
    ) as finding
from {{ ref("base_retail__run") }} as run
cross join newest_date_with_sales as newest
where run.is_newest_load and not newest.business_date <=> run.as_of_date
