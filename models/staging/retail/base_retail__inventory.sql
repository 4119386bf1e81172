{{ config(materialized="run_table") }}

{{ parsed_rows("inventory", business_date="cal_dt") }}
