{{ config(materialized="run_table") }}

{{ accepted_totals(ref("base_toy__rows"), ref("base_toy__repeated_rows")) }}
