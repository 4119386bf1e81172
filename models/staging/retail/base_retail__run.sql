{{ config(materialized="run_table") }}

{{
    run_of(
        request=source("retail_run", "run_requests"),
        files=source("retail_run", "run_files"),
        published=source("retail_published", "load_row_counts"),
    )
}}
