{#- The days that a dump covers where each file covers a month or a year: strategy "replace
    periods". Same columns as those of business_dates, the strategy "replace dates".

    Arguments
        files: relation of the run's files -#}
{% macro dates_of_periods(files) %}
    with covered_dates as (

        select
            load_date,
            raw_table,
            explode(sequence(first_business_date, last_business_date)) as business_date
        from {{ files }}
        where raw_table in ({{ tables_with_business_dates() }})

    )

    select distinct
        load_date,
        raw_table,
        business_date,
        true as is_in_manifest,
        true as is_covered
    from covered_dates
{% endmacro %}
