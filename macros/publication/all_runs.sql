{#- What each run has changed for readers, this one included: one row per run and published table or
    partition.

    Arguments
        planned:   relation of what the run changes
        run:       relation of the run
        published: relation of the runs before it -#}
{% macro all_runs(planned, run, published) %}
    with planned as (

        select * from {{ planned }}

    ),

    run as (

        select * from {{ run }}

    ),

    -- In the order of the rows below: the catalog has columns of later releases last.
    published as (

        select
            run_number,
            run_id,
            is_full_refresh,
            first_load_date,
            last_load_date,
            as_of_date,
            published_at,
            table_name,
            partition_date,
            row_count,
            location,
            previous_location,
            is_revertible
        from {{ published }}

    ),

    publications_of_run as (

        select
            planned.run_number,
            planned.run_id,
            run.is_full_refresh,
            run.first_load_date,
            run.last_load_date,
            run.as_of_date,
            current_timestamp() as published_at,
            planned.table_name,
            planned.partition_date,
            planned.row_count,
            planned.location,
            planned.previous_location,
            true as is_revertible
        from planned
        cross join run

    ),

    all_publications as (

        select * from published
        union all
        select * from publications_of_run

    ),

    runs as (

        select
            *,
            max(last_load_date) over () as newest_load_date
        from all_publications

    )

    select
        run_number,
        run_id,
        is_full_refresh,
        first_load_date,
        last_load_date,
        as_of_date,
        published_at,
        table_name,
        partition_date,
        row_count,
        location,
        previous_location,
        is_revertible
        and last_load_date > date_sub(newest_load_date, {{ var("keep_days") }}) as is_revertible
    from runs
{% endmacro %}
