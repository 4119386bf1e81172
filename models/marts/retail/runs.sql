{{ config(meta={"writes_rows": true}) }}

-- Published last: a run that does not stand here has not come to its end.
{%- for model in [
    "fct_weekly_sales_inventory", "dim_store", "dim_product", "dim_calendar", "rejected_rows",
    "load_row_counts", "load_coverage",
] %}
-- depends_on: {{ ref(model) }}
{%- endfor %}

{{
    all_runs(
        planned=ref("int_publications_planned"),
        run=ref("base_retail__run"),
        published=source("retail_published", "runs"),
    )
}}
