-- Every night at 2:00 EST. EST is UTC-5 all year, so the schedule is in UTC: a New York clock has
-- no 2:00 on one night a year, and two on another.

use role &{unloader_role};
use schema &{database}.ops;

-- It must be over before the first readiness check, an hour later: after 45 minutes it fails, and
-- the failure is told. It is not suspended after failures: the next night is another chance.
create or replace task unload_night
    warehouse = &{warehouse}
    schedule = 'USING CRON 0 7 * * * UTC'
    user_task_timeout_ms = 2700000
    suspend_task_after_num_failures = 0
    error_integration = &{database}_alerts
    comment = 'Dumps the night at 2:00 EST'
as
call unload();

-- A task is created suspended.
alter task unload_night resume;
