{{ config(materialized="run_table") }}

{{
    run_of(
        request=source("toy_run", "run_requests"),
        files=source("toy_run", "run_files"),
        published=published_table("load_row_counts"),
    )
}}
