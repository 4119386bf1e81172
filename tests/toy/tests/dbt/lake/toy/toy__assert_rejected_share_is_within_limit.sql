{{
    rejects_over_limit(
        counts=ref("toy__int_load_row_counts"), requests=source("toy_run", "run_requests")
    )
}}
