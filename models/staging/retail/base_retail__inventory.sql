{{ config(materialized="run_table") }}

{{ parsed_rows("inventory", business_dates=ref("base_retail__business_dates")) }}
