-- Built after every model with tests has passed them: what stands here is then published.
{%- set marts = sql_string(schema_folder(layer_schema("marts")) if execute) %}
{%- set facts = sql_string(
    relation_folder(ref("int_weekly_sales_inventory_aggregated"))
) %}
{%- set rejects = sql_string(relation_folder(ref("int_rejected_rows"))) %}
{#- Published with or without rows: the model with a table's rows (none for runs itself, whose rows
    are not known yet), and whether a night that is older than the newest one changes the table. -#}
{%- set whole_tables = {
    "dim_store": ("int_store_completed", false),
    "dim_product": ("int_product_completed", false),
    "dim_calendar": ("stg_retail__calendar", false),
    "load_coverage": ("base_retail__load_coverage", true),
    "load_row_counts": ("int_load_row_counts", true),
    "runs": (none, true),
} %}

with run as (

    select * from {{ ref("base_retail__run") }}

),

runs as (

    select * from {{ published_table("runs") }}

),

current_publications as (

    select * from {{ ref("int_publications_current") }}

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

built_rows as (

    select
        'fct_weekly_sales_inventory' as table_name,
        week_end_date as partition_date
    from {{ ref("int_weekly_sales_inventory_aggregated") }}
    union all
    select
        'rejected_rows' as table_name,
        load_date as partition_date
    from {{ ref("int_rejected_rows") }}
    {%- for table_name, (model, is_for_every_load) in whole_tables.items() if model %}
    union all
    select
        '{{ table_name }}' as table_name,
        cast(null as date) as partition_date
    from {{ ref(model) }}
    {%- endfor %}

),

row_counts as (

    select
        table_name,
        partition_date,
        count(*) as row_count
    from built_rows
    group by table_name, partition_date

),

whole_tables as (

    select *
    from
        values
        {%- for table_name, (model, is_for_every_load) in whole_tables.items() %}
        ('{{ table_name }}', {{ (model is not none) | lower }}, {{ is_for_every_load | lower }})
        {{- "," if not loop.last }}
        {%- endfor %}
            as whole_tables (table_name, is_counted, is_for_every_load)

),

built as (

    select
        table_name,
        partition_date,
        row_count,
        true as is_for_every_load
    from row_counts
    where partition_date is not null
    union all
    select
        whole_tables.table_name,
        cast(null as date) as partition_date,
        if(whole_tables.is_counted, coalesce(row_counts.row_count, 0), null) as row_count,
        whole_tables.is_for_every_load
    from whole_tables
    left join row_counts
        on whole_tables.table_name = row_counts.table_name

),

-- What this run decides on: a week that lost its rows, the end of a week that now ends on another
-- day, and a load without rejects go.
dates_of_run as (

    select
        'fct_weekly_sales_inventory' as table_name,
        business_date as partition_date
    from {{ ref("int_week_days_touched") }}
    union all
    select distinct
        'rejected_rows' as table_name,
        load_date as partition_date
    from {{ source("run", "run_files") }}

),

built_and_current as (

    select
        built.table_name is not null as is_built,
        built.row_count,
        built.is_for_every_load,
        coalesce(built.table_name, current_publications.table_name) as table_name,
        coalesce(built.partition_date, current_publications.partition_date) as partition_date,
        current_publications.location as previous_location
    from built
    full outer join current_publications
        on built.table_name = current_publications.table_name
        and built.partition_date <=> current_publications.partition_date

),

planned as (

    select
        publication.run_number,
        publication.run_id,
        built_and_current.table_name,
        built_and_current.partition_date,
        if(built_and_current.is_built, built_and_current.row_count, 0) as row_count,
        built_and_current.is_built,
        built_and_current.previous_location
    from built_and_current
    cross join publication
    left join dates_of_run
        on built_and_current.table_name = dates_of_run.table_name
        and built_and_current.partition_date = dates_of_run.partition_date
    where
        if(
            built_and_current.is_built,
            publication.is_newest_load or built_and_current.is_for_every_load,
            built_and_current.partition_date is not null
            and (publication.is_full_refresh or dates_of_run.partition_date is not null)
        )

)

select
    run_number,
    run_id,
    table_name,
    partition_date,
    row_count,
    case
        when not is_built then null
        when table_name = 'fct_weekly_sales_inventory'
            then concat({{ facts }}, '/week_end_date=', partition_date)
        when table_name = 'rejected_rows'
            then concat({{ rejects }}, '/load_date=', partition_date)
        else concat_ws('/', {{ marts }}, table_name, run_id)
    end as location,
    coalesce(
        previous_location,
        -- where register_run creates a table
        if(partition_date is null, concat_ws('/', {{ marts }}, table_name, 'empty'), null)
    ) as previous_location
from planned
