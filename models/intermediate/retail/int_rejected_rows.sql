{{
    config(
        partition_by="load_date",
        meta={"candidate_for": "rejected_rows"},
    )
}}

{{ rejected_rows(located=ref("int_rejects_located")) }}
