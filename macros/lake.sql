{#- Where things lie in the lake. -#}

{#- A value as a SQL string literal. -#}
{% macro sql_string(value) -%}
    {%- do return("'" ~ (value | string).replace("\\", "\\\\").replace("'", "\\'") ~ "'") -%}
{%- endmacro %}

{#- A value that may be none as a SQL literal of the given type. -#}
{% macro sql_literal(value, data_type) -%}
    {%- do return(
        "cast(" ~ ("null" if value is none else sql_string(value)) ~ " as " ~ data_type ~ ")"
    ) -%}
{%- endmacro %}

{#- The layers that Spark writes, each a schema and a folder of the lake. -#}
{% macro lake_layers() -%}
    {%- do return(["raw", "staging", "intermediate", "marts"]) -%}
{%- endmacro %}

{#- The schema of a layer, e.g. retail_marts for 'marts'. -#}
{% macro layer_schema(layer) -%}
    {%- do return(target.schema ~ "_" ~ layer) -%}
{%- endmacro %}

{#- The folder of a schema, as register_run created it. -#}
{% macro schema_folder(schema_name) -%}
    {%- do return(location_in(run_query("describe schema " ~ schema_name))) -%}
{%- endmacro %}

{#- The folder that a table points at; empty while dbt parses. -#}
{% macro relation_folder(relation) -%}
    {%- if execute -%}
        {%- do return(location_in(run_query("describe formatted " ~ relation))) -%}
    {%- endif -%}
{%- endmacro %}

{#- The location in the answer of a describe statement. The catalog answers with a URI, in which a
    space is %20; a location clause takes the path as it stands. -#}
{% macro location_in(description) -%}
    {%- for row in description if row[0] == "Location" -%}
        {%- set path = namespace(text=row[1]) -%}
        {%- set codes = modules.re.findall("%[0-9A-F]{2}", path.text) | unique -%}
        {%- for code in codes if code != "%25" -%}
            {%- set sign = "%c" | format(code[1:] | int(base=16)) -%}
            {%- set path.text = path.text.replace(code, sign) -%}
        {%- endfor -%}
        {%- do return(path.text.replace("%25", "%")) -%}
    {%- endfor -%}
{%- endmacro %}

{#- A folder that no other invocation of dbt writes to: a killed or repeated run never meets the
    remains of another one. -#}
{% macro invocation_folder() -%}
    {%- do return(run_started_at.strftime("%Y%m%dT%H%M%S") ~ "_" ~ invocation_id[:8]) -%}
{%- endmacro %}

{#- A published table as the last committed run left it. A `ref` would make a circle: what a run
    decides from the published state comes before what it publishes. -#}
{% macro published_table(name) -%}
    {%- do return(layer_schema("marts") ~ "." ~ name) -%}
{%- endmacro %}

{#- The column that a published table is partitioned by; none while dbt parses. -#}
{% macro partition_column(table_name) %}
    {%- if execute -%}
        {%- set node = graph.nodes.values() | selectattr("alias", "equalto", table_name) | first -%}
        {%- do return(node.config.partition_by) -%}
    {%- endif -%}
{% endmacro %}

{#- The models of a domain whose tables live on from run to run. -#}
{% macro lasting_models(domain) -%}
    {%- set nodes = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == "model" and node.fqn[2] == domain
        and node.config.materialized in ["published", "run_slices"] -%}
        {%- do nodes.append(node) -%}
    {%- endfor -%}
    {%- do return(nodes) -%}
{%- endmacro %}
