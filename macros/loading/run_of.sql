{#- This run: its load dates, and its as-of date, the newest business date of all dumps. One row. A
    rebuild has no files: it stands where the newest load stood.

    Arguments
        request:   relation of what the run was asked
        files:     relation of its files
        published: relation of the row counts of earlier loads -#}
{% macro run_of(request, files, published) %}
    with request as (

        select * from {{ request }}

    ),

    files as (

        select * from {{ files }}

    ),

    counts as (

        select * from {{ published }}

    ),

    files_of_run as (

        select
            request.run_id,
            request.is_full_refresh,
            request.rebuild_from,
            min(files.load_date) as first_load_date,
            max(files.load_date) as last_load_date
        from request
        left join files
            on true
        group by request.run_id, request.is_full_refresh, request.rebuild_from

    ),

    -- A full refresh forgets what was there.
    before_run as (

        select
            max(case when not files_of_run.is_full_refresh then counts.load_date end)
                as last_load_date,
            max(date_sub(counts.load_date, 1)) as as_of_date
        from files_of_run
        left join counts
            on true

    ),

    run as (

        select
            files_of_run.run_id,
            files_of_run.is_full_refresh,
            files_of_run.rebuild_from,
            coalesce(files_of_run.first_load_date, before_run.last_load_date) as first_load_date,
            coalesce(files_of_run.last_load_date, before_run.last_load_date) as last_load_date,
            before_run.as_of_date as previous_as_of_date,
            date_sub(
                greatest(files_of_run.last_load_date, before_run.last_load_date), 1
            ) as as_of_date,
            coalesce(
                files_of_run.last_load_date
                >= coalesce(before_run.last_load_date, files_of_run.last_load_date),
                false
            ) as is_newest_load
        from files_of_run
        cross join before_run

    )

    select
        run_id,
        is_full_refresh,
        rebuild_from,
        is_newest_load,
        first_load_date,
        last_load_date,
        previous_as_of_date,
        as_of_date
    from run
{% endmacro %}
