"""What the account tells the DAGs, in variables: read leniently when a DAG is drawn, checked by its
first task.

A DAG that a wrong variable keeps from being drawn vanishes from Airflow without a word, so only
unpack_request refuses one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

import httpx

from shelfweek import forms
from shelfweek.engine import Engine, EngineError
from shelfweek.failures import WithoutRowsError
from shelfweek.places import canonical_location

MAIL_FORMS = {"SHELFWEEK_MAIL_FROM": forms.ADDRESS, "SHELFWEEK_MAIL_TO": forms.ADDRESSES}

COSMOS_MODES = ("watcher", "local")


class SettingsError(WithoutRowsError):
    """Variables are missing or wrong; the message names each."""


def variable(name: str, default: str = "") -> str:
    """The text of a variable; an empty one is none."""
    text = os.environ.get(name, "")
    return text if text.strip() else default


def lake_uri() -> str:
    """The lake that the nights go to; empty where none is set."""
    return canonical_location(variable("SHELFWEEK_LAKE"))


def cosmos_mode() -> str:
    """How Cosmos runs the models, in small letters."""
    return variable("SHELFWEEK_COSMOS_MODE", "watcher").lower()


def expect_triggerer() -> None:
    """Make sure that somebody wakes the tasks that watch the build: without, they wait for ever.

    Where Airflow's own page of health cannot be reached from here, nothing is said.

    Raises:
        SettingsError: no triggerer gives a sign of life.
    """
    # Airflow reads its settings when it is imported.
    from airflow.configuration import conf

    base = conf.get("api", "base_url", fallback="").rstrip("/")
    try:
        health = httpx.get(f"{base}/api/v2/monitor/health", timeout=5.0).json()
        status = health["triggerer"]["status"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return
    if status != "healthy":
        raise SettingsError(
            "no triggerer is at work, and the tasks that watch the build would wait for ever: "
            "start `airflow triggerer`, or set SHELFWEEK_COSMOS_MODE=local"
        )


@dataclass(frozen=True)
class AccountSettings:
    """What belongs to the account, not to the night.

    Attributes:
        lake: URI of the lake that the nights go to.
        log_uri: where EMR writes the cluster's logs, s3://<bucket>/<prefix>/.
        subnet: id of a private subnet that Airflow's workers reach.
        primary_security_group: id of the primary node's; it lets Airflow's workers, and nobody
            else, reach the Thrift Server.
        core_security_group: id of that of core and task nodes.
        service_security_group: id of that of EMR itself, which a private subnet needs.
        security_configuration: name of the EMR security configuration (encryption at rest and on
            the way).
    """

    lake: str
    log_uri: str
    service_role: str
    instance_profile: str
    subnet: str
    primary_security_group: str
    core_security_group: str
    service_security_group: str
    security_configuration: str

    @classmethod
    def variables(cls) -> dict[str, str]:
        """The variable of each attribute."""
        return {
            field.name: "SHELFWEEK_LAKE"
            if field.name == "lake"
            else f"SHELFWEEK_EMR_{field.name.upper()}"
            for field in fields(cls)
        }

    @classmethod
    def from_environment(cls) -> AccountSettings:
        """Read the variables SHELFWEEK_LAKE and SHELFWEEK_EMR_*, and check all others.

        Raises:
            SettingsError: some are missing or wrong.
        """
        names = cls.variables()
        faults = [
            f"the environment variable {name} is not set"
            for name in (*names.values(), *MAIL_FORMS)
            if not variable(name)
        ]
        faults += [
            f"{name} is {variable(name)!r}, not {form.expected}"
            for name, form in MAIL_FORMS.items()
            if variable(name) and not form.fits(variable(name))
        ]
        if cosmos_mode() not in COSMOS_MODES:
            faults.append(
                f"SHELFWEEK_COSMOS_MODE is {cosmos_mode()!r}, not {' or '.join(COSMOS_MODES)}"
            )
        try:
            Engine.from_environment()
        except EngineError as error:
            faults.append(str(error))
        if faults:
            raise SettingsError("; ".join(faults))
        settings = {field: variable(name) for field, name in names.items()}
        return cls(**{**settings, "lake": lake_uri()})

    @property
    def owner_tags(self) -> dict[str, str]:
        """Tags of the clusters of this Airflow alone: another one has another lake."""
        return {
            "project": "shelfweek",
            "shelfweek:lake": self.lake,
        }
