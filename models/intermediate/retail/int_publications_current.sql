{{ config(materialized="view") }}

with runs as (

    select * from {{ published_table("runs") }}

),

-- A run without this table or partition left it as it was.
newest_first as (

    select
        *,
        row_number() over (
            partition by table_name, partition_date order by run_number desc
        ) as newness
    from runs

)

select
    table_name,
    partition_date,
    location,
    run_number,
    run_id
from newest_first
where newness = 1 and location is not null
