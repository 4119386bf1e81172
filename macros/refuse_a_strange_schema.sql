{#- The prefix of all schemas is part of every statement: it is plain, as shelfweek/engine.py
    demands of SHELFWEEK_SCHEMA too. -#}
{% macro refuse_a_strange_schema() %}
    {%- if not modules.re.fullmatch("([a-z][a-z0-9_]*)?", target.schema) -%}
        {%- do exceptions.raise_compiler_error(
            "SHELFWEEK_SCHEMA " ~ target.schema ~ " is no beginning of a schema's name: small "
            ~ "letters, digits and _, a letter first."
        ) -%}
    {%- endif -%}
    {%- for node in (graph.sources.values() if execute else [])
        if node.fqn[2] == target.schema -%}
        {%- do exceptions.raise_compiler_error(
            "SHELFWEEK_SCHEMA " ~ target.schema ~ " is a domain, and would stand before it, as in "
            ~ target.schema ~ target.schema ~ "_marts: unset it."
        ) -%}
    {%- endfor -%}
{% endmacro %}
