-- Built after every model with tests has passed them: what stands here is then published.
-- A week that lost its rows goes, and so do the end of one that now ends on another day and the
-- rejects of a load that has none any more.
{%- set weeks_of_run %}
    select business_date from {{ ref("int_week_days_touched") }}
{%- endset %}
{%- set load_dates_of_run %}
    select distinct load_date from {{ source("retail_run", "run_files") }}
{%- endset %}

{{
    publications_planned(
        run=ref("base_retail__run"),
        current=ref("int_publications_current"),
        runs=source("retail_published", "runs"),
        tables={
            "fct_weekly_sales_inventory": {
                "rows": ref("int_weekly_sales_inventory_aggregated"),
                "dates_of_run": weeks_of_run,
            },
            "rejected_rows": {
                "rows": ref("int_rejected_rows"),
                "dates_of_run": load_dates_of_run,
            },
            "dim_store": {"rows": ref("int_store_completed")},
            "dim_product": {"rows": ref("int_product_completed")},
            "dim_calendar": {"rows": ref("stg_retail__calendar")},
            "load_coverage": {
                "rows": ref("base_retail__load_coverage"),
                "is_for_every_load": true,
            },
            "load_row_counts": {
                "rows": ref("int_load_row_counts"),
                "is_for_every_load": true,
            },
            "runs": {"rows": none, "is_for_every_load": true},
        },
    )
}}
