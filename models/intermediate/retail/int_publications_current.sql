{{ config(materialized="view") }}

{{ publications_current(runs=source("retail_published", "runs")) }}
