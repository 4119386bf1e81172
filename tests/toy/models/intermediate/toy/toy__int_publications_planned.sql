{%- set months_of_run %}
    select month from {{ ref("int_months_touched") }}
{%- endset %}
{%- set load_dates_of_run %}
    select distinct load_date from {{ source("toy_run", "run_files") }}
{%- endset %}

{{
    publications_planned(
        run=ref("base_toy__run"),
        current=ref("toy__int_publications_current"),
        runs=source("toy_published", "runs"),
        tables={
            "fct_monthly_energy": {
                "rows": ref("int_monthly_energy_aggregated"),
                "dates_of_run": months_of_run,
            },
            "rejected_rows": {
                "rows": ref("toy__int_rejected_rows"),
                "dates_of_run": load_dates_of_run,
            },
            "dim_meter": {"rows": ref("stg_toy__meters")},
            "load_coverage": {
                "rows": ref("base_toy__load_coverage"),
                "is_for_every_load": true,
            },
            "load_row_counts": {
                "rows": ref("toy__int_load_row_counts"),
                "is_for_every_load": true,
            },
            "runs": {"rows": none, "is_for_every_load": true},
        },
    )
}}
