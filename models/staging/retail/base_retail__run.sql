{{ config(materialized="run_table") }}

{{
    run_of(
        request=source("run", "run_requests"),
        files=source("run", "run_files"),
        published=published_table("load_row_counts"),
    )
}}
