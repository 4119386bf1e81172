{{
    staged_rows_that_differ(
        run=ref("base_toy__run"),
        coverage=ref("base_toy__load_coverage"),
        loads={"reading": ref("base_toy__reading_loads")},
    )
}}
