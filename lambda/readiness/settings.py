"""What the function is told by its environment and package, checked before anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shelfweek import forms
from shelfweek.forms import Count, Form
from shelfweek.manifest import BusinessDates
from shelfweek.places import canonical_location

RAW_TABLES = Path(__file__).with_name("raw_tables.json")
"""What the domain declares, as `make readiness-package` writes it into the package."""

_FORMS: Mapping[str, Form | Count] = {
    "LANDING_URI": forms.LANDING,
    "AIRFLOW_DAG_ID": Form(r"[A-Za-z0-9_.-]{1,250}", "the id of a DAG"),
    "AIRFLOW_SECRET_ARN": Form(r"arn:aws[a-z-]*:secretsmanager:\S+", "the ARN of a secret"),
    "MAIL_FROM": forms.ADDRESS,
    "MAIL_TO": forms.ADDRESSES,
    "EMR_RELEASE": forms.RELEASE,
    "EMR_MARKET": forms.MARKET,
    "EMR_PRIMARY_INSTANCE_TYPE": forms.INSTANCE_TYPE,
    "EMR_CORE_INSTANCE_TYPE": forms.INSTANCE_TYPE,
    "EMR_CORE_INSTANCE_COUNT": forms.CORE_COUNT,
    "EMR_TASK_INSTANCE_COUNT": forms.TASK_COUNT,
    "AWS_LAMBDA_FUNCTION_NAME": Form(
        r"[A-Za-z0-9_-]{1,64}", "the function's name, which Lambda sets"
    ),
}


class SettingsError(Exception):
    """A variable or a file is missing or malformed; the message says what is expected."""


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
        raw_tables: those that a night has.
        bucket, prefix: the landing; the prefix has no slash at its ends.
        secret_arn: names the Secrets Manager secret with Airflow's address and login.
        function_name: for the mail, which tells how to invoke the function by hand.
    """

    raw_tables: BusinessDates
    bucket: str
    prefix: str
    dag_id: str
    secret_arn: str
    mail_from: str
    mail_to: tuple[str, ...]
    emr: Emr
    function_name: str

    @classmethod
    def of(cls, environment: Mapping[str, str], raw_tables: BusinessDates) -> Settings:
        """Read and check all variables.

        Raises:
            SettingsError: the first variable that is missing or malformed.
        """
        if "LANDING_URI" in environment:
            location = canonical_location(environment["LANDING_URI"])
            environment = {**environment, "LANDING_URI": location}
        values = {name: _checked(name, environment.get(name)) for name in _FORMS}
        mail_from, mail_to = mail_settings(environment)
        bucket, _, prefix = values["LANDING_URI"].removeprefix("s3://").partition("/")
        return cls(
            raw_tables=raw_tables,
            bucket=bucket,
            prefix=prefix,
            dag_id=values["AIRFLOW_DAG_ID"],
            secret_arn=values["AIRFLOW_SECRET_ARN"],
            mail_from=mail_from,
            mail_to=mail_to,
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


def packaged_tables() -> BusinessDates:
    """The raw tables that the package was built for.

    Raises:
        SettingsError: the package was not built by the project's command.
    """
    try:
        tables: BusinessDates = json.loads(RAW_TABLES.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"the package has no {RAW_TABLES.name}: build it with make readiness-package"
        ) from error
    return tables


def mail_settings(environment: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Sender and recipients: all that is needed to tell people that another setting is wrong.

    Raises:
        SettingsError: a variable is missing or malformed.
    """
    sender, recipients = (
        _checked(name, environment.get(name)) for name in ("MAIL_FROM", "MAIL_TO")
    )
    return sender, forms.mail_addresses(recipients)


def _checked(name: str, value: str | None) -> str:
    form = _FORMS[name]
    if value is None:
        raise SettingsError(f"the environment variable {name} is not set: it holds {form.expected}")
    if not form.fits(value):
        raise SettingsError(f"the environment variable {name} is {value!r}, not {form.expected}")
    return value
