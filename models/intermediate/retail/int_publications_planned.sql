-- Built after every model with tests has passed them: what stands here is then published.
{%- set marts = sql_string(schema_folder(layer_schema("marts")) if execute) %}
{%- set facts = sql_string(
    relation_folder(ref("int_weekly_sales_inventory_aggregated"))
) %}
{%- set rejects = sql_string(relation_folder(ref("int_rejected_rows"))) %}

with run as (

    select * from {{ ref("base_retail__run") }}

),

runs as (

    select * from {{ published_table("runs") }}

),

current_publications as (

    select * from {{ ref("int_publications_current") }}

),

week_days as (

    select * from {{ ref("int_week_days_touched") }}

),

weekly_rows as (

    select * from {{ ref("int_weekly_sales_inventory_aggregated") }}

),

rejected_rows as (

    select * from {{ ref("int_rejected_rows") }}

),

files as (

    select * from {{ source("run", "run_files") }}

),

-- A run whose models are built again by hand publishes under a name of its own.
publication as (

    select
        coalesce(max(runs.run_number), 0) + 1 as run_number,
        if(
            bool_or(runs.run_id = run.run_id),
            concat_ws('_', run.run_id, max(runs.run_number) + 1),
            run.run_id
        ) as run_id,
        run.is_newest_load,
        run.is_full_refresh
    from run
    left join runs
        on true
    group by run.run_id, run.is_newest_load, run.is_full_refresh

),

weeks_with_rows as (

    select
        week_end_date,
        count(*) as row_count
    from weekly_rows
    group by week_end_date

),

-- A touched week without rows goes, and so does the end of a week that now ends on another day.
weeks_to_publish as (

    select week_end_date from week_days
    union distinct
    select current_publications.partition_date
    from current_publications
    cross join publication
    left join week_days
        on current_publications.partition_date = week_days.business_date
    where
        current_publications.table_name = 'fct_weekly_sales_inventory'
        and (publication.is_full_refresh or week_days.business_date is not null)

),

loads_with_rejects as (

    select
        load_date,
        count(*) as row_count
    from rejected_rows
    group by load_date

),

loads_to_publish as (

    select load_date from files
    union distinct
    select current_publications.partition_date
    from current_publications
    cross join publication
    where
        current_publications.table_name = 'rejected_rows'
        and publication.is_full_refresh

),

table_rows as (

    select
        'dim_store' as table_name,
        count(*) + 1 as row_count,
        false as is_for_every_load
    from {{ ref("stg_retail__store") }}
    union all
    select
        'dim_product' as table_name,
        count(*) + 1 as row_count,
        false as is_for_every_load
    from {{ ref("stg_retail__product") }}
    union all
    select
        'dim_calendar' as table_name,
        count(*) as row_count,
        false as is_for_every_load
    from {{ ref("stg_retail__calendar") }}
    union all
    select
        'load_coverage' as table_name,
        count(*) as row_count,
        true as is_for_every_load
    from {{ ref("base_retail__load_coverage") }}
    union all
    select
        'load_row_counts' as table_name,
        count(*) as row_count,
        true as is_for_every_load
    from {{ ref("int_load_row_counts") }}
    union all
    select
        'runs' as table_name,
        null as row_count,
        true as is_for_every_load

),

planned as (

    select
        'fct_weekly_sales_inventory' as table_name,
        weeks_to_publish.week_end_date as partition_date,
        coalesce(weeks_with_rows.row_count, 0) as row_count,
        concat({{ facts }}, '/week_end_date=', weeks_with_rows.week_end_date) as location
    from weeks_to_publish
    left join weeks_with_rows
        on weeks_to_publish.week_end_date = weeks_with_rows.week_end_date
    union all
    select
        'rejected_rows' as table_name,
        loads_to_publish.load_date as partition_date,
        coalesce(loads_with_rejects.row_count, 0) as row_count,
        concat({{ rejects }}, '/load_date=', loads_with_rejects.load_date) as location
    from loads_to_publish
    left join loads_with_rejects
        on loads_to_publish.load_date = loads_with_rejects.load_date
    union all
    select
        table_rows.table_name,
        cast(null as date) as partition_date,
        table_rows.row_count,
        concat_ws('/', {{ marts }}, table_rows.table_name, publication.run_id) as location
    from table_rows
    cross join publication
    where publication.is_newest_load or table_rows.is_for_every_load

),

publications as (

    select
        publication.run_number,
        publication.run_id,
        planned.table_name,
        planned.partition_date,
        planned.row_count,
        planned.location,
        coalesce(
            current_publications.location,
            -- where register_run creates a table
            if(
                planned.partition_date is null,
                concat_ws('/', {{ marts }}, planned.table_name, 'empty'),
                null
            )
        ) as previous_location
    from planned
    cross join publication
    left join current_publications
        on planned.table_name = current_publications.table_name
        and planned.partition_date <=> current_publications.partition_date

)

select
    run_number,
    run_id,
    table_name,
    partition_date,
    row_count,
    location,
    previous_location
from publications
where location is not null or previous_location is not null
