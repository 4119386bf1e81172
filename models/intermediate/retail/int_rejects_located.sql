{{ config(materialized="run_table") }}

{{
    rejects_located(
        rows=ref("base_retail__rows"),
        repeated=ref("base_retail__repeated_rows"),
        files=source("retail_run", "run_files"),
    )
}}
