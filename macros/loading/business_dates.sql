{#- The days that a calendar knows, and whether a dump covers them: strategy "replace dates".

    Arguments
        known_dates: select of load_date and business_date, one row each
        files:       relation of the run's files

    One row per load date, raw table with business dates and known date: is_in_manifest (the
    manifest names it), is_covered. Without a manifest a dump covers whatever dates occur in it. -#}
{% macro business_dates(known_dates, files) %}
    with known_dates as (
        {{ known_dates }}
    ),

    files as (

        select * from {{ files }}
        where raw_table in ({{ tables_with_business_dates() }})

    ),

    dumps as (

        select
            load_date,
            raw_table,
            count(first_business_date) = 0 as is_without_ranges
        from files
        group by load_date, raw_table

    ),

    covered_dates as (

        select distinct
            files.load_date,
            files.raw_table,
            known_dates.business_date
        from files
        inner join known_dates
            on files.load_date = known_dates.load_date
            and known_dates.business_date
            between files.first_business_date and files.last_business_date

    )

    select
        dumps.load_date,
        dumps.raw_table,
        known_dates.business_date,
        covered_dates.business_date is not null as is_in_manifest,
        dumps.is_without_ranges or covered_dates.business_date is not null as is_covered
    from dumps
    inner join known_dates
        on dumps.load_date = known_dates.load_date
    left join covered_dates
        on dumps.load_date = covered_dates.load_date
        and dumps.raw_table = covered_dates.raw_table
        and known_dates.business_date = covered_dates.business_date
{% endmacro %}
