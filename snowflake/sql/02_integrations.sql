-- What Snowflake may reach outside: two folders of S3, and one topic for failures. An administrator
-- runs this file. An integration is never replaced: a new one would get a new external id, and the
-- AWS roles would no longer trust it. deploy.py lets an `alter` with the same settings follow each.

use role accountadmin;

create storage integration if not exists &{database}_landing
    type = external_stage
    storage_provider = 's3'
    enabled = true
    storage_aws_role_arn = '&{landing_role_arn}'
    storage_allowed_locations = ('&{landing_url}')
    comment = 'The nightly dumps are written here';
grant usage on integration &{database}_landing to role &{deployer_role};

create storage integration if not exists &{database}_source
    type = external_stage
    storage_provider = 's3'
    enabled = true
    storage_aws_role_arn = '&{source_role_arn}'
    storage_allowed_locations = ('&{source_url}')
    comment = 'The raw data arrives here';
grant usage on integration &{database}_source to role &{deployer_role};

create notification integration if not exists &{database}_alerts
    enabled = true
    type = queue
    direction = outbound
    notification_provider = aws_sns
    aws_sns_topic_arn = '&{alert_topic_arn}'
    aws_sns_role_arn = '&{alert_role_arn}'
    comment = 'A failed unload is told here';
grant usage on integration &{database}_alerts to role &{unloader_role};
