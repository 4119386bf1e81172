{#- What a run changes for readers: one row per published table or partition, where readers will be
    pointed at, and where they were. Whatever is built before it has passed its tests.

    Arguments
        run:      relation of the run
        current:  relation of the folders that readers see before it
        runs:     relation of all runs before it
        tables:   mapping of the published tables to mappings
            rows               relation of the table's candidate; none for the table of runs, whose
                               rows are not known yet
            dates_of_run       of a partitioned table: select of the partitions that the run decides
                               on
            is_for_every_load  of a whole table: true, if a night that is older than the newest one
                               changes it too (default: false) -#}
{% macro publications_planned(run, current, runs, tables) %}
    {%- set marts = sql_string(schema_folder(layer_schema("marts")) if execute) -%}
    with run as (

        select * from {{ run }}

    ),

    runs as (

        select * from {{ runs }}

    ),

    current_publications as (

        select * from {{ current }}

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

        {%- for name, table in tables.items() if table.rows %}
        {{ "union all" if not loop.first }}
        select
            '{{ name }}' as table_name,
            {{ partition_column(name) if table.dates_of_run else "cast(null as date)" }}
                as partition_date
        from {{ table.rows }}
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

    -- Whole tables are published with or without rows.
    whole_tables as (

        select *
        from
            values
            {%- for name, table in tables.items() if not table.dates_of_run %}
            {{ "," if not loop.first }}
            (
                '{{ name }}',
                {{ (table.rows is not none) | lower }},
                {{ table.is_for_every_load | default(false) | lower }}
            )
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

    -- What this run decides on goes where it was not built.
    dates_of_run as (

        {%- for name, table in tables.items() if table.dates_of_run %}
        {{ "union all" if not loop.first }}
        select
            '{{ name }}' as table_name,
            partition_date
        from ({{ table.dates_of_run }}) as dates (partition_date)
        {%- endfor %}

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
            {%- for name, table in tables.items() if table.rows %}
            {%- set folder = sql_string(candidate_folder(name, table.rows)) %}
            {%- if table.dates_of_run %}
            when table_name = '{{ name }}'
                then concat({{ folder }}, '/{{ partition_column(name) }}=', partition_date)
            {%- else %}
            when table_name = '{{ name }}' then {{ folder }}
            {%- endif %}
            {%- endfor %}
            else concat_ws('/', {{ marts }}, table_name, run_id)
        end as location,
        coalesce(
            previous_location,
            -- where register_run creates a table
            if(partition_date is null, concat_ws('/', {{ marts }}, table_name, 'empty'), null)
        ) as previous_location
    from planned
{% endmacro %}


{#- The folder of a published table's candidate. -#}
{% macro candidate_folder(table_name, relation) %}
    {%- set folder = relation_folder(relation) -%}
    {%- set is_run = execute and flags.WHICH in ["build", "run"] -%}
    {%- if is_run and "/" ~ table_name ~ "/" not in (folder or "") -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ " is no candidate for " ~ table_name ~ ": its model lacks candidate_for, or "
            ~ "an earlier release has built it; then load a night first."
        ) -%}
    {%- endif -%}
    {%- do return(folder) -%}
{% endmacro %}
