{{ config(materialized="run_table") }}

{{ parsed_rows("meter") }}
