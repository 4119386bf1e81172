{{ config(materialized="run_table") }}

{{ accepted_totals(ref("base_retail__rows"), ref("base_retail__repeated_rows")) }}
