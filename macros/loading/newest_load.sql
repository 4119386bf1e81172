{#- The query behind `dbt source freshness`: the load date of a raw table's newest dump that readers
    have, as a timestamp. The raw table itself holds the files of the last run only, which may have
    been an old night or, in a rebuild, none. -#}
{% macro newest_load() %}
    select cast(max(load_date) as timestamp) as loaded_at
    from {{ published_table("load_row_counts") }}
    where raw_table = {{ sql_string(this.identifier) }}
{% endmacro %}
