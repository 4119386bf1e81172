{#- The rows of a raw table's files, typed, each with the reason why it does not fit, if any.

    Arguments
        raw_table: name of the source table; its columns' types, keys and flags and its business
                   date come from the source's YAML
        business_dates: relation of the dates that are known and covered; none: dates are not judged
            by them
        files:     relation of the run's files, where each covers a period: a row of another one is
            rejected; none: files are not judged by

    Result columns: row_id (unique in the table, in the files' order within a block), load_date,
    file_name, block_start, line_number, line_count and text_hash (as
    macros/loading/register_run.sql tells), the source's columns with their types, and
        row_hash            of all typed columns: equal for rows that are equal in every column
        row_reject_reason   malformed_row, bad_value, missing_key, bad_flag (in this order), or null
        date_reject_reason  future_date, unknown_calendar_date, outside_covered_dates, or null; it
                            counts only for rows that pass the first check and are no duplicates
        reject_column       name of the column at fault, upper case; several with commas
        raw_row             the row as text where there is a reason, because texts are large -#}
{% macro parsed_rows(raw_table, business_dates=none, files=none) %}
    {%- set columns = source_columns(raw_table) -%}
    {%- set names = columns | map(attribute="name") | list -%}
    {%- set keys = columns | selectattr("key") | list -%}
    {%- set flag_columns = columns | selectattr("flag") | list -%}
    {%- set values = columns | rejectattr("flag") | rejectattr("data_type", "equalto", "string")
        | list -%}
    {%- set business_date = business_date_of(raw_table) if business_dates or files -%}
    with source_rows as (

        select
            *,
            monotonically_increasing_id() as row_id
        from {{ source(domain_of(model) ~ "_raw", raw_table) }}

    ),

    typed as (

        select
            row_id,
            load_date,
            file_name,
            block_start,
            line_number,
            line_count,
            text_hash,
            _corrupt_record is not null as is_malformed,
            raw_row,
            {%- for column in columns %}
            {{ column.name }} as raw_{{ column.name }},
            {{ typed_value(column) }} as typed_{{ column.name }}{{ "," if not loop.last }}
            {%- endfor %}
        from source_rows

    ),

    judged as (

        select
            typed.*,
            {{ columns_where(values, misfit_condition) }} as columns_of_bad_values,
            {{ columns_where(keys, missing_condition) }} as columns_of_missing_keys,
            {{ columns_where(flag_columns, misfit_condition) }} as columns_of_bad_flags,
            {%- if business_dates %}
            case
                when typed_{{ business_date }} >= typed.load_date then 'future_date'
                when business_dates.business_date is null then 'unknown_calendar_date'
                when not business_dates.is_covered then 'outside_covered_dates'
            end as date_reject_reason
            {%- elif files %}
            case
                when typed_{{ business_date }} >= typed.load_date then 'future_date'
                when
                    typed_{{ business_date }} not between files.first_business_date
                    and files.last_business_date
                    then 'outside_covered_dates'
            end as date_reject_reason
            {%- else %}
            cast(null as string) as date_reject_reason
            {%- endif %}
        from typed
        {%- if business_dates %}
        left join {{ business_dates }} as business_dates
            on typed.load_date = business_dates.load_date
            and typed.typed_{{ business_date }} = business_dates.business_date
            and business_dates.raw_table = '{{ raw_table }}'
        {%- elif files %}
        left join {{ files }} as files
            on typed.file_name = files.file_name
            and files.raw_table = '{{ raw_table }}'
        {%- endif %}

    ),

    reasoned as (

        select
            *,
            case
                when is_malformed then 'malformed_row'
                when columns_of_bad_values <> '' then 'bad_value'
                when columns_of_missing_keys <> '' then 'missing_key'
                when columns_of_bad_flags <> '' then 'bad_flag'
            end as row_reject_reason
        from judged

    )

    select
        row_id,
        load_date,
        file_name,
        block_start,
        line_number,
        line_count,
        text_hash,
        {%- for name in names %}
        typed_{{ name }} as {{ name }},
        {%- endfor %}
        {%- set typed_names = [] -%}
        {%- for name in names %}{% do typed_names.append("typed_" ~ name) %}{% endfor %}
        {{ hash_of_row(typed_names) }} as row_hash,
        row_reject_reason,
        date_reject_reason,
        case
            when row_reject_reason = 'bad_value' then columns_of_bad_values
            when row_reject_reason = 'missing_key' then columns_of_missing_keys
            when row_reject_reason = 'bad_flag' then columns_of_bad_flags
            {%- if business_date %}
            when row_reject_reason is null and date_reject_reason is not null
                then '{{ business_date | upper }}'
            {%- endif %}
        end as reject_column,
        case
            when row_reject_reason is not null or date_reject_reason is not null then raw_row
        end as raw_row
    from reasoned
{% endmacro %}


{#- A number for a row's typed values: equal for rows that are equal in every column. A null leaves
    the hash as it is; the second half tells which columns are null. -#}
{% macro hash_of_row(values) -%}
    xxhash64({{ values | join(", ") }}, {{ values | join(" is null, ") }} is null)
{%- endmacro %}


{#- The expression for a column's typed value: null where the text is empty or does not fit. -#}
{% macro typed_value(column) -%}
    {%- if column.data_type == "string" -%}
        nullif({{ column.name }}, '')
    {%- elif column.flag -%}
        case lower({{ column.name }})
                when '0' then 0 when 'false' then 0 when '1' then 1 when 'true' then 1
            end
    {%- elif column.data_type == "date" -%}
        {#- A cast alone would take 2026 or 2026-1-5 for a date, and knows a year 0. -#}
        case
                when {{ column.name }} rlike '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
                    and {{ column.name }} >= '0001'
                    then try_cast({{ column.name }} as date)
            end
    {%- elif column.data_type == "timestamp" -%}
        {#- A date alone is its midnight. Fractions are cut: seconds are what people compare. -#}
        case
                when {{ column.name }} rlike '{{ timestamp_pattern() }}'
                    and {{ column.name }} >= '0001'
                    then try_cast(substring({{ column.name }}, 1, 19) as timestamp)
            end
    {%- elif column.data_type.startswith("decimal") and column.decimal_sign != "." -%}
        {#- A point becomes what is in no number. -#}
        try_cast(
                translate({{ column.name }}, '{{ column.decimal_sign }}.', '.#')
                as {{ column.data_type }}
            )
    {%- else -%}
        try_cast({{ column.name }} as {{ column.data_type }})
    {%- endif -%}
{%- endmacro %}


{#- 2026-01-31, alone or with a time behind T or a blank: 10:30, 10:30:59, 10:30:59.123 -#}
{% macro timestamp_pattern() -%}
    ^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?$
{%- endmacro %}


{#- True where a column holds text that is not a value of its type. -#}
{% macro misfit_condition(column) -%}
    {%- set raw = "raw_" ~ column.name -%}
    ({{ raw }} <> '' and typed_{{ column.name }} is null)
    {#- A cast alone would round away what stands behind the last decimal of the type. The lengths
        come first because a pattern is slow. -#}
    {%- if column.data_type.startswith("decimal") %}
    {%- set sign, scale = column.decimal_sign, decimal_scale(column.data_type) %}
                    or (length({{ raw }}) - instr({{ raw }}, '{{ sign }}') > {{ scale }}
                        and {{ raw }} rlike '[{{ sign }}][0-9]{{ "{" ~ scale ~ "}" }}[0-9]*[1-9]')
                    or contains({{ raw }}, 'e') or contains({{ raw }}, 'E')
    {%- endif -%}
{%- endmacro %}


{#- The decimals behind the sign of a type: 4 of decimal(18,4). -#}
{% macro decimal_scale(data_type) -%}
    {%- do return((modules.re.findall("[0-9]+", data_type) + ["0", "0"])[1] | int) -%}
{%- endmacro %}


{#- True where a column is empty. -#}
{% macro missing_condition(column) -%}
    coalesce(raw_{{ column.name }}, '') = ''
{%- endmacro %}


{#- The names, upper case, of those columns for which the condition holds, with commas. -#}
{% macro columns_where(columns, condition) -%}
    concat_ws(
                ', '
    {%- for column in columns -%}
        ,
                case when {{ condition(column) }} then '{{ column.name | upper }}' end
    {%- endfor %}
            )
{%- endmacro %}
