"""What the function is told by its environment, checked before anything else happens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shelfweek.places import canonical_location

# Variable: what it must look like, and how that is said to a person.
_FORMS = {
    "LANDING_URI": (r"s3://[a-z0-9.-]{3,63}(/[\w.=-]+)+", "s3://<bucket>/<prefix>"),
    "AIRFLOW_DAG_ID": (r"[\w.-]{1,250}", "the id of a DAG"),
    "AIRFLOW_SECRET_ARN": (r"arn:aws[a-z-]*:secretsmanager:\S+", "the ARN of a secret"),
    "MAIL_FROM": (r"[^@\s,]+@[^@\s,]+", "one e-mail address"),
    "MAIL_TO": (
        r"[^@\s,]+@[^@\s,]+(,[^@\s,]+@[^@\s,]+)*",
        "e-mail addresses separated by commas, without spaces",
    ),
    "EMR_RELEASE": (r"emr-[0-9]+\.[0-9]+\.[0-9]+", "a release such as emr-7.13.0"),
    "EMR_MARKET": (r"ON_DEMAND|SPOT", "ON_DEMAND or SPOT"),
    "EMR_PRIMARY_INSTANCE_TYPE": (r"[a-z0-9-]+\.[a-z0-9-]+", "an instance type such as m7g.xlarge"),
    "EMR_CORE_INSTANCE_TYPE": (r"[a-z0-9-]+\.[a-z0-9-]+", "an instance type such as r7g.xlarge"),
    "EMR_CORE_INSTANCE_COUNT": (r"[1-9][0-9]{0,2}", "a whole number from 1 to 999"),
    "EMR_TASK_INSTANCE_COUNT": (r"0|[1-9][0-9]{0,2}", "a whole number from 0 to 999"),
    "AWS_LAMBDA_FUNCTION_NAME": (r"[\w-]{1,64}", "the function's name, which Lambda sets"),
}


class SettingsError(Exception):
    """A variable is missing or malformed; the message names it and says what is expected."""


@dataclass(frozen=True)
class Emr:
    """The cluster that the run asks for. The names are those of the run's conf."""

    release: str
    market: str
    primary_instance_type: str
    core_instance_type: str
    core_instance_count: int
    task_instance_count: int


@dataclass(frozen=True)
class Settings:
    """All settings.

    Attributes:
        bucket, prefix: the landing; the prefix has no slash at its ends.
        secret_arn: names the Secrets Manager secret with Airflow's address and login.
        function_name: for the mail, which tells how to invoke the function by hand.
    """

    bucket: str
    prefix: str
    dag_id: str
    secret_arn: str
    mail_from: str
    mail_to: tuple[str, ...]
    emr: Emr
    function_name: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Read and check all variables.

        Raises:
            SettingsError: the first variable that is missing or malformed.
        """
        if "LANDING_URI" in environment:
            location = canonical_location(environment["LANDING_URI"])
            environment = {**environment, "LANDING_URI": location}
        values = {name: _checked(name, environment.get(name)) for name in _FORMS}
        bucket, _, prefix = values["LANDING_URI"].removeprefix("s3://").partition("/")
        return cls(
            bucket=bucket,
            prefix=prefix,
            dag_id=values["AIRFLOW_DAG_ID"],
            secret_arn=values["AIRFLOW_SECRET_ARN"],
            mail_from=values["MAIL_FROM"],
            mail_to=tuple(values["MAIL_TO"].split(",")),
            emr=Emr(
                release=values["EMR_RELEASE"],
                market=values["EMR_MARKET"],
                primary_instance_type=values["EMR_PRIMARY_INSTANCE_TYPE"],
                core_instance_type=values["EMR_CORE_INSTANCE_TYPE"],
                core_instance_count=int(values["EMR_CORE_INSTANCE_COUNT"]),
                task_instance_count=int(values["EMR_TASK_INSTANCE_COUNT"]),
            ),
            function_name=values["AWS_LAMBDA_FUNCTION_NAME"],
        )


def _checked(name: str, value: str | None) -> str:
    form, expected = _FORMS[name]
    if value is None:
        raise SettingsError(f"the environment variable {name} is not set: it holds {expected}")
    if not re.fullmatch(form, value, re.ASCII):
        raise SettingsError(f"the environment variable {name} is {value!r}, not {expected}")
    return value
