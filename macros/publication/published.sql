{#- A table that readers see. It is never overwritten: rows are written to a folder of their own,
    and one change of metadata points the table, or one of its partitions, at them.

    What is pointed at where is decided in int_publications_planned, which every published model
    depends on. It is built after all models with tests have passed theirs, so a failed test leaves
    the published tables as they were.

    The model selects columns of its candidate, whose folder the table, or whose folders its
    partitions are pointed at: publishing writes no rows.

    config.meta
        writes_rows  true: the model has no candidate, and its rows are written first -#}
{% materialization published, adapter="spark" %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {% set plan = planned_publications(this.identifier) %}
    {% if config.meta_get("writes_rows") and not plan[0].is_done %}
        {% call statement("write") %}
            insert overwrite directory {{ sql_string(plan[0].location) }} using parquet
            {{ select_in_order_of_contract(compiled_code) }}
        {% endcall %}
    {% else %}
        {{ get_assert_columns_equivalent(compiled_code) }}
    {% endif %}
    {% do apply_publications(plan | rejectattr("is_done") | list) %}
    {% call noop_statement("main", "PUBLISHED", code="PUBLISHED", rows_affected=-1) %}{% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}


{#- A published table, for a statement that looks where it points, or points it elsewhere. A model
    that reads its rows names the source <domain>_published, so that the lineage shows it. -#}
{% macro published_table(name, domain=none) -%}
    {%- do return(layer_schema("marts", domain) ~ "." ~ name) -%}
{%- endmacro %}


{#- The planned changes of one table, or of all: a list of mappings
    table_name, partition_date (none for a whole table), location (none: the partition goes),
    previous_location (none: there was none), is_done (the table points there already).
    domain none: that of the model. -#}
{% macro planned_publications(table_name=none, domain=none) %}
    {%- set plan = [] -%}
    {%- for row in run_query(
        "select table_name, partition_date, location, previous_location from "
        ~ layer_schema("intermediate", domain) ~ ".int_publications_planned"
        ~ (" where table_name = " ~ sql_string(table_name) if table_name else "")
        ~ " order by table_name, partition_date"
    ) -%}
        {%- do plan.append({
            "table_name": row[0], "partition_date": row[1], "location": row[2],
            "previous_location": row[3],
            "is_done": row[1] is none
                and relation_folder(published_table(row[0], domain)) == row[2],
        }) -%}
    {%- endfor -%}
    {%- do return(plan) -%}
{% endmacro %}


{#- Point published tables at other folders.

    Arguments
        changes: a list of mappings table_name, partition_date, location (none: the partition goes)
        domain:  whose tables they are; none: that of the model

    Each week changes in one statement, so a reader sees it as it was or as it is. Partitions that
    are new to a table are added together. -#}
{% macro apply_publications(changes, domain=none) %}
    {%- set added = {} -%}
    {%- for change in changes -%}
        {%- set table = published_table(change.table_name, domain) -%}
        {%- if change.partition_date is none -%}
            {%- do run_query(
                "alter table " ~ table ~ " set location " ~ sql_string(change.location)
            ) -%}
        {%- else -%}
            {%- set partition = partition_clause(change, domain) -%}
            {%- if change.location is none -%}
                {%- do run_query("alter table " ~ table ~ " drop if exists " ~ partition) -%}
            {%- elif change.previous_location is none -%}
                {%- do added.setdefault(table, []).append(
                    partition ~ " location " ~ sql_string(change.location)
                ) -%}
            {%- else -%}
                {%- do run_query(
                    "alter table " ~ table ~ " " ~ partition
                    ~ " set location " ~ sql_string(change.location)
                ) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for table, partitions in added.items() -%}
        {%- do run_query(
            "alter table " ~ table ~ " add if not exists " ~ partitions | join(" ")
        ) -%}
    {%- endfor -%}
{% endmacro %}


{#- Undo what a run of a domain that did not come to its end has published: its plan backwards. A
    run has come to its end when it stands in the table of runs, which is published last. -#}
{% macro undo_interrupted_publication(domain) %}
    {%- set intermediate = layer_schema("intermediate", domain) -%}
    {%- set planned = intermediate ~ ".int_publications_planned" -%}
    {%- if run_query(
        "show tables in " ~ intermediate ~ " like 'int_publications_planned'"
    ) | length -%}
        {%- set unfinished = run_query(
            "select 1 from " ~ planned ~ " anti join " ~ published_table("runs", domain)
            ~ " using (run_id) limit 1"
        ) -%}
        {%- if unfinished | length -%}
            {%- set changes = [] -%}
            {%- for change in planned_publications(domain=domain) -%}
                {%- do changes.append({
                    "table_name": change.table_name, "partition_date": change.partition_date,
                    "location": change.previous_location, "previous_location": change.location,
                }) -%}
            {%- endfor -%}
            {%- do apply_publications(changes, domain) -%}
            {%- do log("Undid what an interrupted run had published.", info=true) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{#- e.g. partition (week_end_date = date'2026-01-10') -#}
{% macro partition_clause(change, domain) %}
    {%- do return(
        "partition (" ~ partition_column(change.table_name, domain)
        ~ " = date'" ~ change.partition_date ~ "')"
    ) -%}
{% endmacro %}
