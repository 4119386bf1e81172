{#- Make some models' tables what their contracts say, before a run writes its first row. A table
    that is not there is created empty; one that is there gets the columns that are new in its
    model, and its older rows answer null. Any other difference is refused: files that readers have
    would be misread, or not be read at all. -#}
{% macro align_tables(nodes) %}
    {%- set existing = {} -%}
    {%- for schema_name, group in nodes | groupby("schema") -%}
        {%- set tables = run_query("show tables in " ~ schema_name) -%}
        {%- for node in group if node.alias in tables.columns["tableName"].values() -%}
            {%- do existing.update({node.unique_id: columns_of_table(node)}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do refuse_other_columns(nodes, existing) -%}
    {%- for schema_name, group in nodes | groupby("schema") -%}
        {%- set folder = schema_folder(schema_name) -%}
        {%- for node in group -%}
            {%- if node.unique_id in existing -%}
                {%- do add_new_columns(node, existing[node.unique_id]) -%}
            {%- else -%}
                {%- do create_empty(node, folder) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}


{#- The types of a table's columns by name, as the catalog has them. -#}
{% macro columns_of_table(node) %}
    {%- set types = {} -%}
    {#- Behind its columns the catalog tells a table's partitions. -#}
    {%- for row in run_query("describe table " ~ node.schema ~ "." ~ node.alias)
        if row[0] and not row[0].startswith("#") -%}
        {%- do types.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- do return(types) -%}
{% endmacro %}


{#- End the run if a table has a column that its model has not, or has with another type. -#}
{% macro refuse_other_columns(nodes, existing) %}
    {%- set faults = [] -%}
    {%- for node in nodes if node.unique_id in existing -%}
        {%- set table = node.schema ~ "." ~ node.alias -%}
        {%- for name, type in existing[node.unique_id].items() -%}
            {%- if name not in node.columns -%}
                {%- do faults.append(
                    table ~ " has a column " ~ name ~ " (" ~ type ~ "), its model has none"
                ) -%}
            {%- elif node.columns[name].data_type.replace(" ", "") != type -%}
                {%- do faults.append(
                    table ~ "." ~ name ~ " is " ~ type ~ ", in its model "
                    ~ node.columns[name].data_type
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if faults -%}
        {%- do exceptions.raise_compiler_error(
            "The lake's tables do not fit the models: " ~ faults | join("; ") ~ ". A lake takes "
            ~ "new columns only. Keep the column and add one of another name, which make rebuild "
            ~ "fills in every week; or load all dumps into a new lake: make run LANDING=<folder> "
            ~ "LAKE=<new folder> FULL_REFRESH=1. If a newer release has added the column, use that "
            ~ "one."
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- Add the columns of a model's contract that its table does not have. -#}
{% macro add_new_columns(node, existing) %}
    {%- set added = [] -%}
    {%- for column in node.columns.values() if column.name not in existing -%}
        {%- do added.append(column.name ~ " " ~ column.data_type) -%}
    {%- endfor -%}
    {%- if added -%}
        {%- do run_query(
            "alter table " ~ node.schema ~ "." ~ node.alias
            ~ " add columns (" ~ added | join(", ") ~ ")"
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- Create the table that a model's contract describes, without rows, in its schema's folder. -#}
{% macro create_empty(node, folder) %}
    {%- set partition_by = node.config.get("partition_by") -%}
    {%- set columns = [] -%}
    {%- for column in node.columns.values() -%}
        {%- do columns.append(column.name ~ " " ~ column.data_type) -%}
    {%- endfor -%}
    {%- do run_query(
        "create table if not exists " ~ node.schema ~ "." ~ node.alias
        ~ " (" ~ columns | join(", ") ~ ") using parquet"
        ~ (" partitioned by (" ~ partition_by ~ ")" if partition_by else "")
        ~ " location " ~ sql_string(
            folder ~ "/" ~ node.alias ~ ("" if partition_by else "/empty")
        )
    ) -%}
{% endmacro %}
