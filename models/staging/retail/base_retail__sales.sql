{{ config(materialized="run_table") }}

{{ parsed_rows("sales", business_date="trans_dt") }}
