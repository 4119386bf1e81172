{{ config(materialized="run_table", meta={"candidate_for": "load_row_counts"}) }}

{{
    load_row_counts(
        run=ref("base_toy__run"),
        files=source("toy_run", "run_files"),
        rows=ref("base_toy__rows"),
        totals=ref("base_toy__accepted_totals"),
        repeated=ref("base_toy__repeated_rows"),
        rejected=ref("toy__int_rejected_rows"),
        published=source("toy_published", "load_row_counts"),
    )
}}
