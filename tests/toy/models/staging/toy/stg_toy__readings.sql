select loads.*
from {{ ref("base_toy__reading_loads") }} as loads
semi join {{ ref("base_toy__load_coverage") }} as coverage
    on coverage.raw_table = 'reading'
    and loads.business_date = coverage.business_date
    and loads.run_id = coverage.run_id
