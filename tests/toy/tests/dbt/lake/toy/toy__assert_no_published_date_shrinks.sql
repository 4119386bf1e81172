{{
    shrunk_dates(
        coverage=ref("base_toy__load_coverage"),
        published=source("toy_published", "load_coverage"),
        requests=source("toy_run", "run_requests"),
    )
}}
