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

{#- The domain of a node: the folder that its layer's folder, or seeds/, holds it in. -#}
{% macro domain_of(node) -%}
    {%- do return(node.fqn[1 if node.resource_type == "seed" else 2]) -%}
{%- endmacro %}

{#- The schema of a domain's layer: retail_marts for 'marts' of retail, behind the prefix that
    SHELFWEEK_SCHEMA gives. domain none: that of the model. -#}
{% macro layer_schema(layer, domain=none) -%}
    {%- do return(target.schema ~ (domain or domain_of(model)) ~ "_" ~ layer) -%}
{%- endmacro %}

{#- Where dbt builds a node: the schema of its layer (config schema) and domain. A trial
    (shelfweek/trial.py) builds models beside it; the sources that it reads are the lake's own. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if node.resource_type in ["model", "seed"] -%}
        {{ "trial_" if var("trial", false) }}{{ layer_schema(custom_schema_name, domain_of(node)) }}
    {%- else -%}
        {{ target.schema ~ custom_schema_name }}
    {%- endif -%}
{%- endmacro %}

{#- The name of a node's table. dbt wants names of models to be unique in the project: where two
    domains have a table of one name, a model is called <domain>__<table>. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {{ custom_alias_name or node.name.removeprefix(domain_of(node) ~ "__") }}
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

{#- The column that a published table is partitioned by; none while dbt parses. -#}
{% macro partition_column(table_name, domain=none) %}
    {%- for node in (lasting_models(domain or domain_of(model)) if execute else [])
        if node.alias == table_name -%}
        {%- do return(node.config.partition_by) -%}
    {%- endfor -%}
{% endmacro %}

{#- The models of a domain whose tables live on from run to run. -#}
{% macro lasting_models(domain) -%}
    {%- set nodes = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == "model" and domain_of(node) == domain
        and node.config.materialized in ["published", "run_slices"] -%}
        {%- do nodes.append(node) -%}
    {%- endfor -%}
    {%- do return(nodes) -%}
{%- endmacro %}
