{{ rows_not_accounted_for(counts=ref("toy__int_load_row_counts")) }}
