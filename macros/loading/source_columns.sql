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
        if node.source_name == (domain or domain_of(model)) ~ "_raw" -%}
        {%- do nodes.append(node) -%}
    {%- endfor -%}
    {%- do return(nodes) -%}
{% endmacro %}


{#- The columns of a raw table as a list of mappings: name, data_type; key, flag and control_total
    (booleans); decimal_sign, in which the table's decimals are written. -#}
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
                "decimal_sign": source_node.meta.get("decimal_sign") or ".",
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


{#- The raw tables whose rows have a business date, as a list of SQL strings. -#}
{% macro tables_with_business_dates() %}
    {%- set names = [] -%}
    {%- for raw_table in raw_tables() if business_date_of(raw_table) -%}
        {%- do names.append(sql_string(raw_table)) -%}
    {%- endfor -%}
    {%- do return(names | join(", ") or "null") -%}
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


{#- The type of a control total: wide enough for the columns of its name, with ten digits more for
    their sum, as Spark adds decimals up. -#}
{% macro type_of_total(name) %}
    {%- set widest = namespace(whole=0, scale=0) -%}
    {%- for raw_table in raw_tables() -%}
        {%- for column in source_columns(raw_table) if column.name == name -%}
            {#- A whole number has no digits in its type's name. -#}
            {%- set numbers = modules.re.findall("[0-9]+", column.data_type) -%}
            {%- set scale = numbers[1] | int if numbers | length > 1 else 0 -%}
            {%- set precision = numbers[0] | int if numbers else 18 -%}
            {%- set widest.whole = [widest.whole, precision - scale] | max -%}
            {%- set widest.scale = [widest.scale, scale] | max -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set precision = [38, widest.whole + widest.scale + 10] | min -%}
    {%- do return("decimal(" ~ precision ~ ", " ~ widest.scale ~ ")") -%}
{% endmacro %}
