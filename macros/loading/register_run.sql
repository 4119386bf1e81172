{#- The first step of every run: what comes in, and from which state of the lake.

    Arguments
        request: a mapping with
            run_id            text, unique
            domain            whose run it is: a folder in every layer of models/
            folder            URI of the domain's folder in the lake
            is_full_refresh   true: the lake is rebuilt from this run's files alone
            rebuild_from      date from which on what is published is derived again from staged
                              rows, by a run without files; none: a run that loads files
            limits            what differs for this run from the project's vars (none: nothing)
                max_rejected_share   text of a number; none: the var of that name
                accept_shrink        true: business dates may lose their rows
            malformed_tables  raw tables with records that Spark must not see
            sources           one mapping per raw table, order of columns and location: raw_table,
                              columns (the file's columns in order; none for one that is ignored),
                              is_multi_line, encoding, delimiter, location (a path, or a Hadoop
                              glob over paths)

    What was written beside the tables before (shelfweek/registration.py): raw/run_files/<run_id>
    of that folder and, where there are malformed_tables, raw/malformed_records/<run_id>.

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
            "create schema if not exists " ~ layer_schema(layer, request.domain)
            ~ " location " ~ sql_string(request.folder ~ "/" ~ layer)
        ) -%}
    {%- endfor -%}
    {%- do undo_interrupted_publication(request.domain) -%}
    {%- do align_tables(lasting_models(request.domain)) -%}
    {%- do register_lists(request) -%}
    {%- do register_request(request) -%}
    {%- for source_node in raw_nodes(request.domain) -%}
        {%- do register_raw_table(
            source_node,
            request.sources | selectattr("raw_table", "equalto", source_node.name) | list,
            source_node.name in request.malformed_tables,
        ) -%}
    {%- endfor -%}
{% endmacro %}


{#- The lists that were written beside the tables, as tables. -#}
{% macro register_lists(request) %}
    {%- set lists = {
        "run_files":
            "run_id string, raw_table string, load_date date, file_name string, row_count bigint, "
            ~ "first_business_date date, last_business_date date, "
            ~ "blank_runs array<struct<lines_before: bigint, line_count: bigint>>",
    } -%}
    {%- if request.malformed_tables -%}
        {%- do lists.update({
            "malformed_records":
                "raw_table string, file_name string, line_number bigint, line_count bigint, "
                ~ "text string"
        }) -%}
    {%- endif -%}
    {%- for name, columns in lists.items() -%}
        {%- set table = layer_schema("raw", request.domain) ~ "." ~ name -%}
        {%- do run_query("drop table if exists " ~ table) -%}
        {%- do run_query(
            "create table " ~ table ~ " (" ~ columns ~ ") using json location "
            ~ sql_string(request.folder ~ "/raw/" ~ name ~ "/" ~ request.run_id)
        ) -%}
    {%- endfor -%}
{% endmacro %}


{#- What this run was asked, with its limits. -#}
{% macro register_request(request) %}
    {%- set table = layer_schema("raw", request.domain) ~ ".run_requests" -%}
    {%- set max_rejected_share = request.limits.max_rejected_share or var("max_rejected_share") -%}
    {%- do run_query("drop table if exists " ~ table) -%}
    {%- do run_query(
        "create table " ~ table ~ " using parquet location "
        ~ sql_string(request.folder ~ "/raw/run_requests/" ~ request.run_id) ~ " as select "
        ~ [
            sql_literal(request.run_id, "string") ~ " as run_id",
            sql_literal(request.is_full_refresh | lower, "boolean") ~ " as is_full_refresh",
            sql_literal(request.rebuild_from, "date") ~ " as rebuild_from",
            share_literal("max_rejected_share", max_rejected_share) ~ " as max_rejected_share",
            share_literal("min_restated_share", var("min_restated_share"))
            ~ " as min_restated_share",
            sql_literal(var("min_restated_rows") | int(-1), "bigint") ~ " as min_restated_rows",
            sql_literal(request.limits.accept_shrink | lower, "boolean") ~ " as accept_shrink",
        ] | join(", ")
    ) -%}
{% endmacro %}


{#- A share as a SQL literal, refused unless it is a number from 0 to 1. -#}
{% macro share_literal(name, value) -%}
    {%- set share = value | float(-1) -%}
    {%- if share < 0 or share > 1 -%}
        {%- do exceptions.raise_compiler_error(
            name ~ " is " ~ value ~ ": a number from 0 to 1 is expected."
        ) -%}
    {%- endif -%}
    {%- do return(sql_literal(value, "decimal(10,8)")) -%}
{%- endmacro %}


{#- One external CSV table per order of columns and location, and a view over them with the
    contract's columns. All columns are text: what does not parse must be seen, not lost. Without
    files the view has no rows.

    Beside the contract's columns the view has
        _corrupt_record  the row as it stands in the file, if it has the wrong number of fields
        raw_row          the row as text
        load_date, file_name
        block_start      offset of the part of the file that one task reads; none: not from a file
                         that Spark reads
        line_number      the line where the row begins, where it is known already
        line_count       lines that the row takes
        text_hash        equal for rows of a file that read alike, and rarely for others; none: not
                         from a file that Spark reads -#}
{% macro register_raw_table(source_node, parts, has_malformed_records) %}
    {%- set columns = source_node.columns.keys() | join(", ") -%}
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
            ~ "_corrupt_record string) using csv options (" ~ csv_options(part) ~ ") location "
            ~ sql_string(part.location)
        ) -%}
        {%- set raw_row -%}
            coalesce(
                _corrupt_record,
                to_csv(
                    struct({{ names | join(", ") }}),
                    map('sep', {{ sql_string(part.delimiter) }}, 'escape', '"', 'emptyValue', '""',
                        'ignoreLeadingWhiteSpace', 'false', 'ignoreTrailingWhiteSpace', 'false')
                )
            )
        {%- endset -%}
        {%- set text = "coalesce(_corrupt_record, concat_ws('', " ~ names | join(", ") ~ "))" -%}
        {%- set line_count = (
            "1 + length(" ~ text ~ ") - length(replace(" ~ text ~ ", char(10), ''))"
            if part.is_multi_line
            else "1"
        ) -%}
        {%- do selects.append(
            "select " ~ columns ~ ", _corrupt_record, " ~ raw_row ~ " as raw_row, "
            ~ "_metadata.file_name as file_name, _metadata.file_block_start as block_start, "
            ~ "cast(null as bigint) as line_number, cast(" ~ line_count ~ " as bigint) as "
            ~ "line_count, " ~ hash_of_row(["_corrupt_record"] + names) ~ " as text_hash from "
            ~ table
        ) -%}
    {%- endfor -%}
    {%- set malformed = (
        source_node.schema ~ ".malformed_records where raw_table = " ~ sql_string(source_node.name)
        if has_malformed_records
        else "values ('', '', 0L, 0L) as none_at_all (text, file_name, line_number, line_count) "
            ~ "where false"
    ) -%}
    {%- if has_malformed_records or not parts -%}
        {%- do selects.append(
            "select cast(null as string) as "
            ~ source_node.columns.keys() | join(", cast(null as string) as ")
            ~ ", text as _corrupt_record, text as raw_row, file_name, "
            ~ "cast(null as bigint) as block_start, line_number, line_count, "
            ~ "cast(null as bigint) as text_hash from " ~ malformed
        ) -%}
    {%- endif -%}
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


{#- columnPruning: with it, rows with a wrong number of fields pass unseen.
    maxCharsPerColumn: no limit; quotes that are not closed are taken out before.
    multiLine: one task per file; only where texts hold line ends, or where an encoding has line
    ends of more than one byte. -#}
{% macro csv_options(part) -%}
    {%- set is_wide = part.encoding.lower().startswith(("utf-16", "utf-32")) -%}
    sep {{ sql_string(part.delimiter) }}, header 'true', mode 'PERMISSIVE',
    columnNameOfCorruptRecord '_corrupt_record', escape '"',
    columnPruning 'false', maxCharsPerColumn '-1', encoding {{ sql_string(part.encoding) }},
    multiLine '{{ (part.is_multi_line or is_wide) | lower }}'
{%- endmacro %}
