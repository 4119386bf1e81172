{#- What a dump's accepted rows come to: their number, checksum and control totals, by raw table,
    load date and business date (null where the table has none).

    Arguments
        rows:     relation of all rows of the run, in the shape of rows_of_tables
        repeated: relation of the repeated rows among them -#}
{% macro accepted_totals(rows, repeated) %}
    with left_out as (

        select * from {{ repeated }}
        where resolution <> 'kept'

    ),

    fitting_rows as (

        select * from {{ rows }}
        where row_reject_reason is null and date_reject_reason is null

    )

    select
        raw_table,
        load_date,
        business_date,
        count(*) as row_count,
        sum(cast(row_hash as decimal(38, 0))) as row_checksum
        {%- for total in control_totals() %},
        sum({{ total }}) as {{ total }}
        {%- endfor %}
    from fitting_rows
    anti join left_out using (raw_table, row_id)
    group by raw_table, load_date, business_date
{% endmacro %}
