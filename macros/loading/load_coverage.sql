{#- The restatement rule "replace dates": the newest dump that covers a business date replaces it
    whole. One row per raw table and business date that any dump has covered: that dump, the run
    that holds its rows, and whether they changed with this run.

    Arguments
        run:            relation of the run
        business_dates: relation of the days that its dumps cover
        totals:         relation of what its accepted rows come to
        published:      relation of the coverage before the run -#}
{% macro load_coverage(run, business_dates, totals, published) %}
    {%- set measures = ["row_count", "row_checksum"] + control_totals() -%}
    with run as (

        select * from {{ run }}

    ),

    -- The dates that a manifest names, with or without rows.
    dates_in_manifest as (

        select
            raw_table,
            load_date,
            business_date
        from {{ business_dates }}
        where is_in_manifest and business_date < load_date

    ),

    totals as (

        select * from {{ totals }}
        where business_date is not null

    ),

    covered as (

        select
            raw_table,
            load_date,
            business_date
            {%- for measure in measures %},
            coalesce(totals.{{ measure }}, 0) as {{ measure }}
            {%- endfor %}
        from dates_in_manifest
        full outer join totals using (raw_table, load_date, business_date)

    ),

    newest_in_run as (

        select *
        from
            (
                select
                    *,
                    row_number() over (
                        partition by raw_table, business_date order by load_date desc
                    ) as newness
                from covered
            ) as numbered
        where newness = 1

    ),

    before_run as (

        select published.*
        from {{ published }} as published
        cross join run
        where not run.is_full_refresh

    ),

    compared as (

        select
            raw_table,
            business_date,
            before_run.load_date as before_load_date,
            before_run.run_id as before_run_id,
            newest_in_run.load_date as new_load_date,
            coalesce(
                newest_in_run.load_date >= before_run.load_date,
                newest_in_run.load_date is not null
            ) as is_replaced,
            not (
                newest_in_run.row_count <=> coalesce(before_run.row_count, 0)
                and newest_in_run.row_checksum <=> coalesce(before_run.row_checksum, 0)
            ) as is_different
            {%- for measure in measures %},
            before_run.{{ measure }} as before_{{ measure }},
            newest_in_run.{{ measure }} as new_{{ measure }}
            {%- endfor %}
        from newest_in_run
        full outer join before_run using (raw_table, business_date)

    )

    select
        compared.raw_table,
        compared.business_date,
        if(is_replaced, new_load_date, before_load_date) as load_date,
        if(is_replaced and (is_different or before_run_id is null), run.run_id, before_run_id)
            as run_id,
        if(is_replaced, new_row_count, before_row_count) as row_count,
        if(is_replaced, new_row_checksum, before_row_checksum) as row_checksum,
        {%- for total in control_totals() %}
        cast(if(is_replaced, new_{{ total }}, before_{{ total }}) as {{ type_of_total(total) }})
            as {{ total }},
        {%- endfor %}
        is_replaced and is_different as is_changed
    from compared
    cross join run
{% endmacro %}
