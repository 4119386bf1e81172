{#- The folder that readers see of every published table or partition.

    Arguments
        runs: relation of all runs -#}
{% macro publications_current(runs) %}
    with runs as (

        select * from {{ runs }}

    ),

    -- A run without this table or partition left it as it was.
    newest_first as (

        select
            *,
            row_number() over (
                partition by table_name, partition_date order by run_number desc
            ) as newness
        from runs

    )

    select
        table_name,
        partition_date,
        location,
        run_number,
        run_id
    from newest_first
    where newness = 1 and location is not null
{% endmacro %}
