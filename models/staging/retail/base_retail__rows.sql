{{
    rows_of_tables(
        {
            "sales": ref("base_retail__sales"),
            "inventory": ref("base_retail__inventory"),
            "store": ref("base_retail__store"),
            "product": ref("base_retail__product"),
            "calendar": ref("base_retail__calendar"),
        }
    )
}}
