{{ config(materialized="run_table") }}

{{ repeated_rows(ref("base_toy__rows")) }}
