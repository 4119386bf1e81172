{#- A table of this run alone, replaced by the next one.

    It is written to a folder of its own and the catalog points at it, so that a killed or repeated
    run never meets its own remains.

    config
        partition_by   column
    config.meta
        candidate_for  name of the published table whose folder the rows are written to: publishing
                       them is then a change of metadata, and nothing is copied; a trial
                       publishes nothing -#}
{% materialization run_table, adapter="spark" %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set old_relation = adapter.get_relation(database, schema, this.identifier) -%}
    {%- set candidate_for = config.meta_get("candidate_for") if not var("trial", false) -%}
    {%- set home = layer_schema("marts") if candidate_for else schema -%}
    {%- set folder = schema_folder(home) ~ "/" ~ (candidate_for or this.identifier) ~ "/"
        ~ invocation_folder() -%}

    {{ run_hooks(pre_hooks) }}
    {% if old_relation is not none %} {% do adapter.drop_relation(old_relation) %} {% endif %}
    {% call statement("main") %}
        create table {{ target_relation }}
        using parquet
        {{ partition_cols(label="partitioned by") }}
        location {{ sql_string(folder) }}
        as
        {{ compiled_code }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}


{#- A table that keeps the rows of every run, one partition (run_id) each; register_run creates it.
    The model selects the rows of this run; running it again replaces them. -#}
{% materialization run_slices, adapter="spark" %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set run_id = run_query("select run_id from " ~ layer_schema("raw") ~ ".run_requests")[0][0]
    -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") %}
        insert overwrite table {{ target_relation }} partition (run_id = {{ sql_string(run_id) }})
        ({{ model.columns.keys() | reject("equalto", "run_id") | join(", ") }})
        {{ select_in_order_of_contract(compiled_code, without="run_id") }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}


{#- The model's rows with the columns in the contract's order and of its types, checked; without
    one column where its value is given apart. -#}
{% macro select_in_order_of_contract(sql, without=none) %}
    {{ get_assert_columns_equivalent(sql) }}
    select {{ model.columns.keys() | reject("equalto", without) | join(", ") }}
    from ({{ sql }}) as checked_rows
{% endmacro %}
