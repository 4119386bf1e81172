{{
    config(
        partition_by="load_date",
        meta={"candidate_for": "rejected_rows"},
    )
}}

{{
    rejected_rows(
        rows=ref("base_retail__rows"),
        repeated=ref("base_retail__repeated_rows"),
        lines=ref("int_lines_located"),
    )
}}
