-- How files are written and read, and where. Text stands in quotes, so that an empty string ("")
-- and a null (nothing) stay two things on the way out and in.

use role &{deployer_role};
use schema &{database}.ops;

create or replace file format unload_csv
    type = csv
    compression = none
    field_delimiter = ','
    record_delimiter = '\n'
    field_optionally_enclosed_by = '"'
    escape = none
    escape_unenclosed_field = none
    null_if = ()
    empty_field_as_null = false
    date_format = 'YYYY-MM-DD'
    comment = 'The nightly dump: UTF-8, an empty field is a null';

create or replace file format source_csv
    type = csv
    compression = auto
    field_delimiter = ','
    skip_header = 1
    field_optionally_enclosed_by = '"'
    escape = none
    escape_unenclosed_field = none
    null_if = ()
    empty_field_as_null = true
    error_on_column_count_mismatch = true
    date_format = 'YYYY-MM-DD'
    comment = 'Raw data: a header line, columns in the order of the table';

create or replace stage landing
    url = '&{landing_url}'
    storage_integration = &{database}_landing
    file_format = (format_name = 'unload_csv')
    comment = 'The nightly dumps';

create or replace stage source
    url = '&{source_url}'
    storage_integration = &{database}_source
    file_format = (format_name = 'source_csv')
    comment = 'Raw data, one folder per table';

grant usage on stage landing to role &{unloader_role};
grant usage on file format unload_csv to role &{unloader_role};
grant usage on stage source to role &{loader_role};
grant usage on file format source_csv to role &{loader_role};
