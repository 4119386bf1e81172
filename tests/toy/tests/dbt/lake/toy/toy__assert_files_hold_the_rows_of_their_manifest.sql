{{ rows_missing_from_files(counts=ref("toy__int_load_row_counts")) }}
