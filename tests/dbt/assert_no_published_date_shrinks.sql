-- A business date that readers have would lose many of its rows (vars min_restated_share and
-- min_restated_rows): as a rule its file is torn, or is of another window. Compare the dump with
-- the one before; if the rows are gone at the source too, let one run accept it (ACCEPT_SHRINK=1).
with published as (

    select * from {{ published_table("load_coverage") }}

),

coverage as (

    select * from {{ ref("base_retail__load_coverage") }}

),

requests as (

    select * from {{ source("run", "run_requests") }}

)

select
    published.raw_table,
    published.business_date,
    published.row_count as rows_before,
    coalesce(coverage.row_count, 0) as rows_after,
    published.load_date as load_date_before,
    coverage.load_date
from published
cross join requests
left join coverage
    on published.raw_table = coverage.raw_table
    and published.business_date = coverage.business_date
where
    not requests.accept_shrink
    and coalesce(coverage.row_count, 0) < requests.min_restated_share * published.row_count
    and published.row_count - coalesce(coverage.row_count, 0) >= requests.min_restated_rows
