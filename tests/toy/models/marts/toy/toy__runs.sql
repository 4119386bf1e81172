{{ config(meta={"writes_rows": true}) }}

{%- for model in [
    "fct_monthly_energy", "dim_meter", "toy__rejected_rows", "toy__load_row_counts",
    "toy__load_coverage",
] %}
-- depends_on: {{ ref(model) }}
{%- endfor %}

{{
    all_runs(
        planned=ref("toy__int_publications_planned"),
        run=ref("base_toy__run"),
        published=source("toy_published", "runs"),
    )
}}
