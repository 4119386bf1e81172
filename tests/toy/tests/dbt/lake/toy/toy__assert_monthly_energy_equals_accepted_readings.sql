with months as (

    select * from {{ ref("int_months_touched") }}

),

accepted as (

    select
        trunc(business_date, 'month') as month,
        sum(energy) as energy
    from {{ ref("base_toy__load_coverage") }}
    where raw_table = 'reading'
    group by trunc(business_date, 'month')

),

monthly as (

    select
        month,
        sum(energy) as energy
    from {{ ref("int_monthly_energy_aggregated") }}
    group by month

)

select
    month,
    accepted.energy as accepted_energy,
    monthly.energy as monthly_energy
from months
left join accepted using (month)
left join monthly using (month)
where coalesce(accepted.energy, 0) <> coalesce(monthly.energy, 0)
