{{ config(materialized="run_table") }}

{{ parsed_rows("reading", files=source("toy_run", "run_files")) }}
