{{ config(materialized="run_table", meta={"candidate_for": "load_coverage"}) }}

{{
    load_coverage(
        run=ref("base_toy__run"),
        business_dates=ref("base_toy__business_dates"),
        totals=ref("base_toy__accepted_totals"),
        published=source("toy_published", "load_coverage"),
    )
}}
