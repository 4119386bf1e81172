{#- The rows of this run's files whose key stands more than once in its dump, and what becomes of
    them: conflicting_duplicate (rows of the key differ), kept (the first of equal rows), duplicate.

    Arguments
        rows: relation of all rows of the run, in the shape of rows_of_tables -#}
{% macro repeated_rows(rows) %}
    with fitting_rows as (

        select
            raw_table,
            load_date,
            row_id,
            row_hash,
            key_hash,
            row_key
        from {{ rows }}
        where row_reject_reason is null

    ),

    -- Nearly all keys come once. To leave them out, one number for each is enough: two keys of the
    -- same number are told apart below.
    suspected_keys as (

        select key_hash
        from fitting_rows
        group by key_hash
        having count(*) > 1

    ),

    suspects as (

        select *
        from fitting_rows
        where key_hash in (select key_hash from suspected_keys)

    ),

    compared as (

        select
            raw_table,
            row_id,
            load_date,
            count(*) over same_key as rows_of_key,
            min(row_hash) over same_key <> max(row_hash) over same_key as is_conflicting,
            row_number() over (
                partition by raw_table, load_date, key_hash, row_key order by row_id
            ) as position_in_key
        from suspects
        window same_key as (partition by raw_table, load_date, key_hash, row_key)

    )

    select
        raw_table,
        row_id,
        case
            when is_conflicting then 'conflicting_duplicate'
            when position_in_key > 1 then 'duplicate'
            else 'kept'
        end as resolution,
        load_date
    from compared
    where rows_of_key > 1
{% endmacro %}
