{{ rows_of_tables({"meter": ref("base_toy__meter"), "reading": ref("base_toy__reading")}) }}
