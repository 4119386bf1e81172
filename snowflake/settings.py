"""The settings of deploy.py: environment variables, what they must look like, their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shelfweek.places import canonical_location

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,99}"
_S3_FOLDER = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9_=.-]+/)*"
_ROLE_ARN = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"
WHOLE_NUMBER = r"[1-9]\d{0,9}"


@dataclass(frozen=True)
class Setting:
    """An environment variable. form: what its value must look like; default: None if required."""

    variable: str
    meaning: str
    form: str = r".+"
    default: str | None = None

    @property
    def parameter(self) -> str:
        """The name that stands for it in the SQL files."""
        return self.variable.removeprefix("SNOWFLAKE_").lower()


CONNECTION = (
    Setting("SNOWFLAKE_ACCOUNT", "account identifier: organisation-account", r"[A-Za-z0-9_.-]+"),
    Setting("SNOWFLAKE_USER", "user of the login; gets the deployer's role", _IDENTIFIER),
    Setting("SNOWFLAKE_PRIVATE_KEY_FILE", "private key of that user, PEM (PKCS#8)"),
    Setting("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "passphrase of that key, if it has one", ".*", ""),
    Setting(
        "SNOWFLAKE_URL",
        "where the account answers, if not at account.snowflakecomputing.com",
        # Snowflake's own hosts alone get the login; without TLS only this machine, where it and all
        # data can be read by nobody else.
        r"https://([\w-]+\.)+snowflakecomputing\.(com|cn)(:\d+)?"
        r"|http://(127\.0\.0\.1|localhost):\d+|",
        "",
    ),
)
PARAMETERS = (
    Setting("SNOWFLAKE_DATABASE", "database; integrations begin with it", _IDENTIFIER, "shelfweek"),
    Setting("SNOWFLAKE_WAREHOUSE", "warehouse", _IDENTIFIER, "shelfweek_wh"),
    Setting("SNOWFLAKE_DEPLOYER_ROLE", "owns the objects", _IDENTIFIER, "shelfweek_deployer"),
    Setting("SNOWFLAKE_UNLOADER_ROLE", "dumps the night", _IDENTIFIER, "shelfweek_unloader"),
    Setting("SNOWFLAKE_LOADER_ROLE", "fills the raw tables", _IDENTIFIER, "shelfweek_loader"),
    Setting("SNOWFLAKE_LANDING_URL", "folder of the landing: s3://bucket/folder", _S3_FOLDER),
    Setting("SNOWFLAKE_LANDING_ROLE_ARN", "AWS role that may write there", _ROLE_ARN),
    Setting("SNOWFLAKE_SOURCE_URL", "folder of the raw data: s3://bucket/folder", _S3_FOLDER),
    Setting("SNOWFLAKE_SOURCE_ROLE_ARN", "AWS role that may read there", _ROLE_ARN),
    Setting(
        "SNOWFLAKE_ALERT_TOPIC_ARN",
        "SNS topic that hears of a failed unload",
        r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+",
    ),
    Setting("SNOWFLAKE_ALERT_ROLE_ARN", "AWS role that may publish there", _ROLE_ARN),
    Setting("SNOWFLAKE_WINDOW_DAYS", "business dates of a dump", WHOLE_NUMBER, "35"),
    Setting("SNOWFLAKE_MAX_FILE_BYTES", "largest file of a dump", WHOLE_NUMBER, str(256 * 1024**2)),
)

Settings = Mapping[str, str]
"""Values by parameter name; folders end in a slash, as the SQL needs them."""


class DeployError(Exception):
    """Something that the caller has to mend; the text says what, in one line."""


def read_settings(wanted: Sequence[Setting], environment: Mapping[str, str]) -> Settings:
    """Read and check settings.

    Raises:
        DeployError: some are missing, or do not look as they must.
    """
    values, missing, wrong = {}, [], []
    for setting in wanted:
        value = environment.get(setting.variable) or setting.default
        if value is not None and setting.form == _S3_FOLDER:
            value = canonical_location(value) + "/"
        if value is None:
            missing.append(setting.variable)
        elif re.fullmatch(setting.form, value, re.ASCII):
            values[setting.parameter] = value
        else:
            wrong.append(f"{setting.variable} is not right ({setting.meaning})")
    faults = ([f"not set: {', '.join(missing)}"] if missing else []) + wrong
    if faults:
        raise DeployError(f"settings: {'; '.join(faults)}; see --help")
    return values
