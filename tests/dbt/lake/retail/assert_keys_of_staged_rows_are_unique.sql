-- One row per key among the rows that this run brought; those of earlier runs were tested then. A
-- row here means that duplicates passed base_retail__repeated_rows.
{{
    repeated_keys_of_staged_rows(
        run=ref("base_retail__run"),
        loads={
            "sales": {
                "rows": ref("base_retail__sales_loads"),
                "key": ["store_key", "product_key", "business_date", "transaction_id"],
            },
            "inventory": {
                "rows": ref("base_retail__inventory_loads"),
                "key": ["store_key", "product_key", "business_date"],
            },
        },
    )
}}
