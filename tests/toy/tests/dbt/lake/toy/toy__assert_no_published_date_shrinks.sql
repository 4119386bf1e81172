{{
    shrunk_dates(
        coverage=ref("base_toy__load_coverage"),
        published=published_table("load_coverage"),
        requests=source("toy_run", "run_requests"),
    )
}}
