-- The unload. Its code is procedures/unload.py, which deploy.py puts between the dollar signs. It
-- runs with the rights of its caller, since Snowflake refuses LIST and REMOVE in a procedure with
-- its owner's. The callers are the task and deploy.py, both with the unloader's role.

use role &{unloader_role};
use schema &{database}.ops;

create or replace procedure unload(
    load_date varchar default null,
    window_days int default &{window_days},
    max_file_bytes int default &{max_file_bytes}
)
returns variant
language python
runtime_version = '3.11'
packages = ('snowflake-snowpark-python')
handler = 'unload'
comment = 'Dumps a night (YYYY-MM-DD, else today at UTC-5) to the landing, its manifest last'
execute as caller
as
$$
&{unload_source}
$$;
