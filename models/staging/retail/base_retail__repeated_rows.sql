{{ config(materialized="run_table") }}

{{ repeated_rows(ref("base_retail__rows")) }}
