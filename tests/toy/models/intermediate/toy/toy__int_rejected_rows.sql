{{ config(partition_by="load_date", meta={"candidate_for": "rejected_rows"}) }}

{{
    rejected_rows(
        rows=ref("base_toy__rows"),
        repeated=ref("base_toy__repeated_rows"),
        lines=ref("toy__int_lines_located"),
    )
}}
