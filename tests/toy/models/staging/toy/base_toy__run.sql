{{ config(materialized="run_table") }}

{{
    run_of(
        request=source("toy_run", "run_requests"),
        files=source("toy_run", "run_files"),
        published=source("toy_published", "load_row_counts"),
    )
}}
