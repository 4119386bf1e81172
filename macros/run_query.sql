{#- Thrift returns no columns for DDL and PyHive fails when it fetches them, so only statements
    that have a result are fetched. -#}
{% macro run_query(sql) %}
    {%- set head = modules.re.sub("(?s)/[*].*?[*]/|--[^\n]*", "", sql).split() | first | lower -%}
    {%- set has_result = head in ["select", "with", "show", "describe", "explain", "set"] -%}
    {%- call statement("run_query_statement", fetch_result=has_result, auto_begin=false) -%}
        {{ sql }}
    {%- endcall -%}
    {%- do return(load_result("run_query_statement").table if has_result else none) -%}
{% endmacro %}
