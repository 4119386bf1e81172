{#- What the YAML of a model's domain says of its raw tables. While dbt parses, there is no graph
    yet, and so nothing. -#}

{#- The names of the raw tables, in declared order. -#}
{% macro raw_tables() %}
    {%- do return(raw_nodes() | map(attribute="name") | list) -%}
{% endmacro %}


{#- The raw tables of a domain as dbt has them; none: of the domain whose model is built. -#}
{% macro raw_nodes(domain=none) %}
    {%- set nodes = [] -%}
    {%- for node in (graph.sources.values() if execute else [])
        if node.source_name == "raw" and node.fqn[2] == (domain or model.fqn[2]) -%}
        {%- do nodes.append(node) -%}
    {%- endfor -%}
    {%- do return(nodes) -%}
{% endmacro %}


{#- The columns of a raw table as a list of mappings: name, data_type; key, flag and control_total
    (booleans). -#}
{% macro source_columns(raw_table) %}
    {%- set columns = [] -%}
    {%- for source_node in raw_nodes() if source_node.name == raw_table -%}
        {%- for column in source_node.columns.values() -%}
            {%- do columns.append({
                "name": column.name,
                "data_type": column.data_type,
                "key": column.meta.get("key", false),
                "flag": column.meta.get("flag", false),
                "control_total": column.meta.get("control_total", false),
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(columns) -%}
{% endmacro %}


{#- The column of a raw table that holds a row's business date; none: its dumps are whole. -#}
{% macro business_date_of(raw_table) %}
    {%- for source_node in raw_nodes() if source_node.name == raw_table -%}
        {%- do return(source_node.meta.get("business_date")) -%}
    {%- endfor -%}
{% endmacro %}


{#- The columns whose sums a load is checked by, of all raw tables: names in declared order. -#}
{% macro control_totals() %}
    {%- set names = [] -%}
    {%- for raw_table in raw_tables() -%}
        {%- for column in source_columns(raw_table)
            if column.control_total and column.name not in names -%}
            {%- do names.append(column.name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(names) -%}
{% endmacro %}
