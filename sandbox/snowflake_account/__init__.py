"""A stand-in for a Snowflake account on this machine: see the README beside this file.

It runs in the emulators' environment, `python -m sandbox.snowflake_account --help`;
`sandbox.snowflake_server` starts and ends it.
"""
