-- The files have the bytes that the manifest names, but not its rows: as a rule an unclosed quote
-- has swallowed rows. Look at the last rows of the table in base_retail__<table>.
{{ rows_missing_from_files(counts=ref("int_load_row_counts")) }}
