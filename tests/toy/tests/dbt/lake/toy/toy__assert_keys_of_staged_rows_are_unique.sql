{{
    repeated_keys_of_staged_rows(
        run=ref("base_toy__run"),
        loads={
            "reading": {
                "rows": ref("base_toy__reading_loads"),
                "key": ["meter_code", "phase", "tariff", "business_date", "read_at"],
            },
        },
    )
}}
