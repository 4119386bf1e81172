{{ config(materialized="run_table", meta={"candidate_for": "load_row_counts"}) }}

{{
    load_row_counts(
        run=ref("base_retail__run"),
        files=source("retail_run", "run_files"),
        rows=ref("base_retail__rows"),
        totals=ref("base_retail__accepted_totals"),
        repeated=ref("base_retail__repeated_rows"),
        rejected=ref("int_rejected_rows"),
        published=source("retail_published", "load_row_counts"),
    )
}}
