{#- What every domain's loads are tested by; a data test of the domain is one call. -#}

{#- Every row of a dump ends in one of three places.

    Arguments
        counts: relation of what became of the rows -#}
{% macro rows_not_accounted_for(counts) %}
    select
        load_date,
        raw_table,
        rows_read,
        rows_accepted,
        rows_duplicate,
        rows_rejected
    from {{ counts }}
    where rows_read <> rows_accepted + rows_duplicate + rows_rejected
{% endmacro %}


{#- Files hold the rows that their manifest names.

    Arguments
        counts: relation of what became of the rows -#}
{% macro rows_missing_from_files(counts) %}
    select
        load_date,
        raw_table,
        rows_in_manifest,
        rows_read
    from {{ counts }}
    where is_of_this_run and rows_read < rows_in_manifest
{% endmacro %}


{#- No table of a dump has more rejected rows than the run's limit.

    Arguments
        counts:   relation of what became of the rows
        requests: relation of what the run was asked -#}
{% macro rejects_over_limit(counts, requests) %}
    select
        counts.load_date,
        counts.raw_table,
        counts.rows_read,
        counts.rows_rejected,
        requests.max_rejected_share
    from {{ counts }} as counts
    cross join {{ requests }} as requests
    where
        counts.is_of_this_run
        and counts.rows_rejected > requests.max_rejected_share * counts.rows_read
{% endmacro %}


{#- No business date that readers have loses many of its rows.

    Arguments
        coverage:  relation of the coverage with this run
        published: relation of the coverage before it
        requests:  relation of what the run was asked -#}
{% macro shrunk_dates(coverage, published, requests) %}
    with published as (

        select * from {{ published }}

    ),

    coverage as (

        select * from {{ coverage }}

    ),

    requests as (

        select * from {{ requests }}

    )

    select
        published.raw_table,
        published.business_date,
        published.row_count as rows_before,
        coalesce(coverage.row_count, 0) as rows_after,
        published.load_date as load_date_before,
        coverage.load_date
    from published
    cross join requests
    left join coverage
        on published.raw_table = coverage.raw_table
        and published.business_date = coverage.business_date
    where
        not requests.accept_shrink
        and coalesce(coverage.row_count, 0) < requests.min_restated_share * published.row_count
        and published.row_count - coalesce(coverage.row_count, 0) >= requests.min_restated_rows
{% endmacro %}


{#- The rows that a run stages have keys of their own; those of earlier runs were tested then.

    Arguments
        run:   relation of the run
        loads: mapping of raw tables to mappings: rows (relation of the staged rows), key (names of
               its columns) -#}
{% macro repeated_keys_of_staged_rows(run, loads) %}
    {%- for raw_table, load in loads.items() %}
    {{ "union all" if not loop.first }}
    select
        '{{ raw_table }}' as raw_table,
        to_json(array({{ text_of(load.key) }})) as row_key,
        count(*) as row_count
    from {{ load.rows }}
    where run_id in (select run_id from {{ run }})
    group by {{ load.key | join(", ") }}
    having count(*) > 1
    {%- endfor %}
{% endmacro %}


{#- Staging holds as many rows of each changed date as its dump had accepted ones.

    Arguments
        run:      relation of the run
        coverage: relation of the coverage with this run
        loads:    mapping of raw tables to the relations of their staged rows -#}
{% macro staged_rows_that_differ(run, coverage, loads) %}
    with coverage as (

        select * from {{ coverage }}
        where is_changed

    ),

    staged as (

        {%- for raw_table, rows in loads.items() %}
        {{ "union all" if not loop.first }}
        select
            '{{ raw_table }}' as raw_table,
            business_date,
            run_id,
            count(*) as row_count
        from {{ rows }}
        where run_id in (select run_id from {{ run }})
        group by business_date, run_id
        {%- endfor %}

    )

    select
        raw_table,
        business_date,
        coverage.row_count as accepted_rows,
        staged.row_count as staged_rows
    from coverage
    full outer join staged using (raw_table, business_date, run_id)
    where coalesce(coverage.row_count, 0) <> coalesce(staged.row_count, 0)
{% endmacro %}
