-- Sales and stock of days after the as-of date are rejected, so no week can begin after it.
select weekly.week_end_date
from {{ ref("int_weekly_sales_inventory_aggregated") }} as weekly
cross join {{ ref("base_retail__run") }} as run
where weekly.week_start_date > run.as_of_date
