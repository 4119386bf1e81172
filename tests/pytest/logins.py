"""Secrets with a login to the stand-in for Airflow."""

from __future__ import annotations

import json

from airflow_login import LoginSecret
from sandbox.airflow_api import AirflowApi


class Secret:
    """Secrets Manager with one secret; each read takes the next value, the last one for ever."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        self.reads += 1
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        return {"SecretString": value if isinstance(value, str) else json.dumps(value)}

    def login(self) -> LoginSecret:
        return LoginSecret(self, "arn:secret")


def secret_of(airflow: AirflowApi, **other: str) -> dict[str, str]:
    login = {"url": airflow.url, "username": airflow.username, "password": airflow.password}
    return {**login, **other}
