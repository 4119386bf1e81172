select distinct trunc(coverage.business_date, 'month') as month
from {{ ref("base_toy__load_coverage") }} as coverage
cross join {{ ref("base_toy__run") }} as run
where
    coverage.is_changed
    or run.is_full_refresh
    or coverage.business_date >= trunc(run.rebuild_from, 'month')
