-- Every row of a dump ends in one of three places. A row here means that rows were lost or doubled
-- between the files and staging: do not publish; compare base_retail__<table> with the file.
{{ rows_not_accounted_for(counts=ref("int_load_row_counts")) }}
