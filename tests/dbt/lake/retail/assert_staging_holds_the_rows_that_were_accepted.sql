-- Staging has as many rows for each changed date as its dump had accepted ones. A row here means
-- that the copy into base_retail__sales_loads or base_retail__inventory_loads lost or doubled rows.
{{
    staged_rows_that_differ(
        run=ref("base_retail__run"),
        coverage=ref("base_retail__load_coverage"),
        loads={
            "sales": ref("base_retail__sales_loads"),
            "inventory": ref("base_retail__inventory_loads"),
        },
    )
}}
