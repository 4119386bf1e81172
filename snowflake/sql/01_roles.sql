-- Three roles, each with what it needs and no more. An administrator runs this file.

use role useradmin;

create or alter role &{deployer_role}
    comment = 'Owns the database and the warehouse, and creates what lies in them';
create or alter role &{unloader_role}
    comment = 'Reads the raw tables and writes the landing; owns the unload and its task';
create or alter role &{loader_role}
    comment = 'Fills the raw tables from the source bucket';

-- The procedure and the task belong to the unloader, so that they run with its rights alone. The
-- deployer may take its role to create them.
grant role &{unloader_role} to role &{deployer_role};
grant role &{loader_role} to role &{deployer_role};
grant role &{deployer_role} to role sysadmin;
grant role &{deployer_role} to user &{user};

use role accountadmin;

grant create database on account to role &{deployer_role};
grant create warehouse on account to role &{deployer_role};
grant execute task on account to role &{unloader_role};
