-- The database: raw holds the tables, ops what moves data in and out.

use role &{deployer_role};

create or alter database &{database}
    comment = 'Raw retail data and its nightly unload';
create or alter schema &{database}.raw
    with managed access
    comment = 'The transactional tables as the source keeps them';
create or alter schema &{database}.ops
    with managed access
    comment = 'File formats, stages, the unload and its task';

grant usage on database &{database} to role &{unloader_role};
grant usage on schema &{database}.raw to role &{unloader_role};
grant usage on schema &{database}.ops to role &{unloader_role};
grant create procedure on schema &{database}.ops to role &{unloader_role};
grant create task on schema &{database}.ops to role &{unloader_role};

grant usage on database &{database} to role &{loader_role};
grant usage on schema &{database}.raw to role &{loader_role};
grant usage on schema &{database}.ops to role &{loader_role};
