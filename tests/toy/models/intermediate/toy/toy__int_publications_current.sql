{{ config(materialized="view") }}

{{ publications_current(runs=source("toy_published", "runs")) }}
