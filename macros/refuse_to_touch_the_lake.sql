{#- The guard of target athena: it ends a run before anything is written, replaced or deleted that
    is Spark's. Spark's targets pass.

    dbt-athena deletes the files of a table that has the name of one it builds, wherever they lie.
    So what it builds has no files (views), lies in a schema that Spark does not use, and takes no
    table's place; and where dbt-athena may write files lies outside of the lake. -#}
{% macro refuse_to_touch_the_lake() %}
    {%- if execute and target.type == "athena" -%}
        {%- set reasons = dangers_of_nodes() + dangers_of_folders() -%}
        {%- if reasons -%}
            {%- do exceptions.raise_compiler_error(
                "Stopped before anything of the lake was touched. " ~ reasons | join(" ")
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{#- One sentence per node that could reach a table of Spark's. -#}
{% macro dangers_of_nodes() %}
    {%- set reasons = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type in ["model", "seed", "snapshot"] -%}
        {%- if node.config.materialized != "view" -%}
            {%- do reasons.append(
                node.resource_type ~ " " ~ node.name ~ " is a " ~ node.config.materialized
                ~ ": on athena there are views only, which have no files."
            ) -%}
        {%- endif -%}
        {%- set schemas_of_spark = [] -%}
        {%- for layer in lake_layers() -%}
            {%- do schemas_of_spark.append(layer_schema(layer, domain_of(node)) | lower) -%}
        {%- endfor -%}
        {%- if node.schema | lower in schemas_of_spark -%}
            {%- do reasons.append(
                node.resource_type ~ " " ~ node.name ~ " would go to " ~ node.schema
                ~ ", a schema of Spark's."
            ) -%}
        {%- else -%}
            {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
            {%- if relation is not none and not relation.is_view -%}
                {%- do reasons.append(
                    node.schema ~ "." ~ node.alias ~ " is a table, and dbt would delete it with its"
                    ~ " files: find out whose they are, then take it out of Glue."
                ) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(reasons) -%}
{% endmacro %}


{#- One sentence per folder of dbt-athena's that overlaps with the lake. -#}
{% macro dangers_of_folders() %}
    {%- set reasons = [] -%}
    {%- set lake = folder_prefix(env_var("SHELFWEEK_LAKE")) -%}
    {%- for name in ["s3_data_dir", "s3_staging_dir"] -%}
        {%- set folder = folder_prefix(target[name]) -%}
        {%- if folder.startswith(lake) or lake.startswith(folder) -%}
            {%- do reasons.append(
                name ~ " " ~ folder ~ " and the lake " ~ lake ~ " lie within each other."
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(reasons) -%}
{% endmacro %}


{#- A folder's URI as the beginning of the URIs of all files in it. -#}
{% macro folder_prefix(uri) -%}
    {%- do return(modules.re.sub("^s3[an]://", "s3://", uri).rstrip("/") ~ "/") -%}
{%- endmacro %}
