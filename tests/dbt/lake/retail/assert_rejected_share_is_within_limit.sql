-- A dump with more bad rows than the limit (var max_rejected_share) is not published. Look at the
-- rows in int_rejected_rows, mend the source and unload the night again, or raise the limit for one
-- run.
{{
    rejects_over_limit(
        counts=ref("int_load_row_counts"), requests=source("retail_run", "run_requests")
    )
}}
