-- A business date that readers have would lose many of its rows (vars min_restated_share and
-- min_restated_rows): as a rule its file is torn, or is of another window. Compare the dump with
-- the one before; if the rows are gone at the source too, let one run accept it (ACCEPT_SHRINK=1).
{{
    shrunk_dates(
        coverage=ref("base_retail__load_coverage"),
        published=source("retail_published", "load_coverage"),
        requests=source("retail_run", "run_requests"),
    )
}}
