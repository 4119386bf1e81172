{{ config(materialized="run_table") }}

{{
    rejects_located(
        rows=ref("base_toy__rows"),
        repeated=ref("base_toy__repeated_rows"),
        files=source("toy_run", "run_files"),
    )
}}
