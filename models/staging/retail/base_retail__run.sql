{{ config(materialized="run_table") }}

{{
    run_of(
        request=source("retail_run", "run_requests"),
        files=source("retail_run", "run_files"),
        published=published_table("load_row_counts"),
    )
}}
