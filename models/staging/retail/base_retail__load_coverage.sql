{{ config(materialized="run_table", meta={"candidate_for": "load_coverage"}) }}

{{
    load_coverage(
        run=ref("base_retail__run"),
        business_dates=ref("base_retail__business_dates"),
        totals=ref("base_retail__accepted_totals"),
        published=source("retail_published", "load_coverage"),
    )
}}
