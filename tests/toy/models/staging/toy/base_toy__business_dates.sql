{{ config(materialized="run_table") }}

{{ dates_of_periods(files=source("toy_run", "run_files")) }}
