{{ config(materialized="view") }}

{{ publications_current(runs=published_table("runs")) }}
