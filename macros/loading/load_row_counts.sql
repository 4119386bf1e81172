{#- What became of the rows, by load date and raw table, of this run and of those before: rows read
    are accepted, duplicate or rejected.

    Arguments
        run:       relation of the run
        files:     relation of its files
        rows:      relation of its rows, in the shape of rows_of_tables
        totals:    relation of what its accepted rows come to
        repeated:  relation of its repeated rows
        rejected:  relation of its rejected rows
        published: relation of the counts before the run -#}
{% macro load_row_counts(run, files, rows, totals, repeated, rejected, published) %}
    with run as (

        select * from {{ run }}

    ),

    published as (

        select * from {{ published }}

    ),

    -- A file without rows counts too. A malformed row counts as many rows as it takes lines:
    -- whatever an open quote has swallowed.
    measured as (

        select
            load_date,
            raw_table,
            'rows_in_manifest' as measure,
            row_count as number
        from {{ files }}
        union all
        select
            load_date,
            raw_table,
            'rows_read' as measure,
            if(row_reject_reason = 'malformed_row', line_count, 1) as number
        from {{ rows }}
        union all
        select
            load_date,
            raw_table,
            'rows_accepted' as measure,
            row_count as number
        from {{ totals }}
        union all
        select
            load_date,
            raw_table,
            'rows_duplicate' as measure,
            1 as number
        from {{ repeated }}
        where resolution = 'duplicate'
        union all
        select
            load_date,
            table_name as raw_table,
            'rows_rejected' as measure,
            if(reason = 'malformed_row', line_count, 1) as number
        from {{ rejected }}

    ),

    counts_of_run as (

        select
            measured.load_date,
            measured.raw_table,
            run.run_id,
            sum(measured.number) filter (where measured.measure = 'rows_in_manifest')
                as rows_in_manifest,
            coalesce(sum(measured.number) filter (where measured.measure = 'rows_read'), 0)
                as rows_read,
            coalesce(sum(measured.number) filter (where measured.measure = 'rows_accepted'), 0)
                as rows_accepted,
            coalesce(sum(measured.number) filter (where measured.measure = 'rows_duplicate'), 0)
                as rows_duplicate,
            coalesce(sum(measured.number) filter (where measured.measure = 'rows_rejected'), 0)
                as rows_rejected
        from measured
        cross join run
        group by measured.load_date, measured.raw_table, run.run_id

    ),

    counts_of_other_loads as (

        select
            published.load_date,
            published.raw_table,
            published.run_id,
            published.rows_in_manifest,
            published.rows_read,
            published.rows_accepted,
            published.rows_duplicate,
            published.rows_rejected
        from published
        cross join run
        left anti join {{ files }} as files
            on published.load_date = files.load_date
        where not run.is_full_refresh

    ),

    load_row_counts as (

        select
            *,
            true as is_of_this_run
        from counts_of_run
        union all
        select
            *,
            false as is_of_this_run
        from counts_of_other_loads

    )

    select
        load_date,
        raw_table,
        run_id,
        rows_in_manifest,
        rows_read,
        rows_accepted,
        rows_duplicate,
        rows_rejected,
        is_of_this_run
    from load_row_counts
{% endmacro %}
