"""What the nightly run is asked: the conf that the readiness check sends with its request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from shelfweek.contract import raw_columns
from shelfweek.landing import Landing, LandingError, Night
from shelfweek.registration import uri_of

_URI = {"type": "string", "pattern": r"^s3://[a-z0-9.-]{3,63}/\S+$"}
_INSTANCE_TYPE = {"type": "string", "pattern": r"^[a-z0-9-]+\.[a-z0-9-]+$"}


def _object(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A JSON schema: all of these properties, and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


# Every key of the conf with its JSON schema. All are required: what a night costs and what it
# loads is never a default.
CONF_SCHEMA: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "load_date": {
            "type": "string",
            "format": "date",
            "pattern": r"^\d{4}-\d{2}-\d{2}$",
            "description": "Date of the dump at UTC-5.",
        },
        "landing_uri": {**_URI, "description": "Root of the landing, s3://<bucket>/<prefix>."},
        "files": {
            **_object(
                {table: {"type": "array", "items": _URI, "minItems": 1} for table in raw_columns()}
            ),
            "description": "The files of each raw table, as the night's manifest names them.",
        },
        "manifest": {**_URI, "description": "The night's manifest."},
        "emr": {
            **_object(
                {
                    "release": {"type": "string", "pattern": r"^emr-7\.[0-9]+\.[0-9]+$"},
                    "market": {"enum": ["ON_DEMAND", "SPOT"]},
                    "primary_instance_type": _INSTANCE_TYPE,
                    "core_instance_type": _INSTANCE_TYPE,
                    "core_instance_count": {"type": "integer", "minimum": 1, "maximum": 999},
                    "task_instance_count": {"type": "integer", "minimum": 0, "maximum": 999},
                }
            ),
            "description": "The cluster that the night runs on.",
        },
    }
)


class RequestError(Exception):
    """The request does not fit what lies in the landing; the message says where."""


@dataclass(frozen=True)
class NightlyRequest:
    """A request that fits CONF_SCHEMA.

    Attributes:
        files: raw table to the URIs of its files.
        emr: the cluster, as CONF_SCHEMA describes it.
    """

    load_date: date
    landing_uri: str
    files: Mapping[str, tuple[str, ...]]
    emr: Mapping[str, Any]

    @classmethod
    def of(cls, conf: Mapping[str, Any]) -> NightlyRequest:
        """Read a conf whose values have been checked against CONF_SCHEMA.

        Raises:
            RequestError: a key that nobody knows.
        """
        if unknown := sorted(conf.keys() - CONF_SCHEMA.keys()):
            raise RequestError(f"unknown keys in the run's conf: {', '.join(unknown)}")
        return cls(
            load_date=date.fromisoformat(conf["load_date"]),
            landing_uri=conf["landing_uri"],
            files={table: tuple(uris) for table, uris in conf["files"].items()},
            emr=conf["emr"],
        )

    def open(self) -> tuple[Landing, Night]:
        """Open the night in the landing, whole and just as it was requested.

        Raises:
            RequestError: it is not whole, or its files are not those of the request.
        """
        try:
            landing = Landing.scan(self.landing_uri)
            night = landing.open_night(self.load_date)
        except LandingError as error:
            raise RequestError(str(error)) from error
        found = {uri_of(landing.file_system, file.path) for file in night.files}
        asked = {uri for uris in self.files.values() for uri in uris}
        if found != asked:
            differing = ", ".join(sorted(found ^ asked))
            raise RequestError(
                f"the dump of {self.load_date} is not the one that was requested: {differing}. "
                "Let the readiness check look at the night again."
            )
        return landing, night
