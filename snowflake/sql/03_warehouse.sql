-- The smallest warehouse. It is up while a load or an unload runs, and a minute longer.

use role &{deployer_role};

create or alter warehouse &{warehouse}
    warehouse_size = 'x-small'
    auto_suspend = 60
    auto_resume = true
    initially_suspended = true
    comment = 'Loads the raw tables and unloads the night';

grant usage on warehouse &{warehouse} to role &{unloader_role};
grant usage on warehouse &{warehouse} to role &{loader_role};
