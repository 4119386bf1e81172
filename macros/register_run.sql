{#- The first step of every run: what comes in, and from which state of the lake.

    Arguments
        request: a mapping with
            run_id           text, unique
            lake             URI of the lake's root folder
            is_full_refresh  true: the lake is rebuilt from this run's files alone
            files            one mapping per file: raw_table, load_date, file_name, row_count,
                             first_business_date, last_business_date (none where no manifest tells)
            sources          one mapping per raw table and order of columns: raw_table, columns
                             (the file's columns in order; none for a column that is ignored),
                             location (a path, or a Hadoop glob over the files)

    Its results are tables (schemas raw and run), because under Airflow every later node is an
    invocation of dbt of its own. -#}
{% macro register_run(request) %}
    {%- if run_query("set spark.sql.ansi.enabled")[0][1] != "true" -%}
        {%- do exceptions.raise_compiler_error(
            "The Thrift Server runs without spark.sql.ansi.enabled=true: overflows and failed "
            ~ "casts would become nulls in silence. Start it with that setting."
        ) -%}
    {%- endif -%}
    {%- for layer in lake_layers() -%}
        {%- do run_query(
            "create schema if not exists " ~ layer_schema(layer)
            ~ " location " ~ sql_string(request.lake ~ "/" ~ layer)
        ) -%}
    {%- endfor -%}
    {%- do create_tables_from_contracts(
        models_materialized_as("published") + models_materialized_as("run_slices")
    ) -%}
    {%- do undo_interrupted_publication() -%}
    {%- for source_node in graph.sources.values() | selectattr("source_name", "equalto", "raw") -%}
        {%- do register_raw_table(
            source_node,
            request.sources | selectattr("raw_table", "equalto", source_node.name) | list,
        ) -%}
    {%- endfor -%}
    {%- do register_files(request) -%}
{% endmacro %}


{#- One external CSV table per order of columns, and a view over them with the contract's columns.
    All columns are text: what does not parse must be seen, not lost. -#}
{% macro register_raw_table(source_node, parts) %}
    {%- set selects = [] -%}
    {%- for part in parts -%}
        {%- set table = source_node.schema ~ "." ~ source_node.name ~ "_files_" ~ loop.index -%}
        {%- set names = [] -%}
        {%- for name in part.columns -%}
            {%- do names.append(name or "_ignored_" ~ loop.index) -%}
        {%- endfor -%}
        {%- do run_query("drop table if exists " ~ table) -%}
        {%- do run_query(
            "create table " ~ table ~ " (" ~ names | join(" string, ") ~ " string, "
            ~ "_corrupt_record string) using csv options ("
            ~ csv_options(source_node.meta.get("multi_line", false)) ~ ") location "
            ~ sql_string(part.location)
        ) -%}
        {%- set raw_row -%}
            coalesce(
                _corrupt_record,
                to_csv(
                    struct({{ names | join(", ") }}),
                    map('escape', '"', 'emptyValue', '""', 'ignoreLeadingWhiteSpace', 'false',
                        'ignoreTrailingWhiteSpace', 'false')
                )
            )
        {%- endset -%}
        {%- do selects.append(
            "select " ~ source_node.columns.keys() | join(", ") ~ ", _corrupt_record, "
            ~ raw_row ~ " as raw_row, _metadata.file_name as file_name from " ~ table
        ) -%}
    {%- endfor -%}
    {#- The date stands right behind the table's name: sales_20261120.csv, sales_20261120_3.csv -#}
    {%- set digit = source_node.name | length + 2 -%}
    {%- do run_query(
        "create or replace view " ~ source_node.schema ~ "." ~ source_node.name ~ " as select *, "
        ~ "cast(concat_ws('-', substring(file_name, " ~ digit ~ ", 4), "
        ~ "substring(file_name, " ~ (digit + 4) ~ ", 2), "
        ~ "substring(file_name, " ~ (digit + 6) ~ ", 2)) "
        ~ "as date) as load_date from (" ~ selects | join(" union all ") ~ ")"
    ) -%}
{% endmacro %}


{#- nullValue: an empty field is null in any case; a text that cannot occur keeps "" (a quoted,
    empty text) apart from it.
    columnPruning: with it, rows with a wrong number of fields pass unseen.
    multiLine: one task per file; only where texts may hold line ends. -#}
{% macro csv_options(multi_line) -%}
    header 'true', mode 'PERMISSIVE', columnNameOfCorruptRecord '_corrupt_record', escape '"',
    columnPruning 'false', maxCharsPerColumn '-1', multiLine '{{ multi_line | lower }}'
{%- endmacro %}


{#- The table of this run's files. -#}
{% macro register_files(request) %}
    {%- set table = layer_schema("raw") ~ ".run_files" -%}
    {%- set rows = [] -%}
    {%- for file in request.files -%}
        {%- do rows.append(
            "(" ~ [
                sql_literal(request.run_id, "string"),
                sql_literal(request.is_full_refresh | lower, "boolean"),
                sql_literal(file.raw_table, "string"),
                sql_literal(file.load_date, "date"),
                sql_literal(file.file_name, "string"),
                sql_literal(file.row_count, "bigint"),
                sql_literal(file.first_business_date, "date"),
                sql_literal(file.last_business_date, "date"),
            ] | join(", ") ~ ")"
        ) -%}
    {%- endfor -%}
    {%- do run_query("drop table if exists " ~ table) -%}
    {%- do run_query(
        "create table " ~ table ~ " using parquet location "
        ~ sql_string(request.lake ~ "/raw/run_files/" ~ invocation_folder())
        ~ " as select * from values " ~ rows | join(", ") ~ " as run_files (run_id, "
        ~ "is_full_refresh, raw_table, load_date, file_name, row_count, first_business_date, "
        ~ "last_business_date)"
    ) -%}
{% endmacro %}
