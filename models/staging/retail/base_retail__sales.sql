{{ config(materialized="run_table") }}

{{ parsed_rows("sales", business_dates=ref("base_retail__business_dates")) }}
