"""What the nightly run is asked: the conf that the readiness check sends, or a person."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shelfweek import forms
from shelfweek.domain import Domain
from shelfweek.landing import Landing, LandingError, Night
from shelfweek.limits import AS_CONFIGURED, Limits, share_of
from shelfweek.places import canonical_location
from shelfweek.registration import uri_of

_COUNTS = {"core_instance_count": forms.CORE_COUNT, "task_instance_count": forms.TASK_COUNT}

_OF_A_NIGHT = ("load_date", "landing_uri", "files", "manifest")
"""Keys that are null in the conf of a rebuild, which has no dump."""

# The keys that a conf may leave out. The readiness check does: they are for a person who starts a
# run by hand.
_LIMITS: dict[str, Any] = {
    "accept_shrink": {
        "type": "boolean",
        "default": False,
        "description": "Publish although a published business date would lose most of its rows.",
    },
    "max_rejected_share": {
        "type": ["null", "number"],
        "minimum": 0,
        "maximum": 1,
        "default": None,
        "description": "Share of a table's rows that may be rejected, 0.05 for 5 %; null: as the "
        "project says.",
    },
}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "type": ["null", schema["type"]]}


_OPTIONAL = {
    **_LIMITS,
    "rebuild_from": {
        **_or_null(forms.DATE.schema),
        "format": "date",
        "default": None,
        "description": "Instead of a night: derive the published weeks again from staged rows, "
        f"from the one that holds this day on. {', '.join(_OF_A_NIGHT)} are null then.",
    },
}


def _object(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A JSON schema: all of these properties, and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def conf_schema(domain: Domain) -> dict[str, Mapping[str, Any]]:
    """Return every key of the conf of a domain's night with its JSON schema.

    What a night costs and what it loads is never a default: those keys are required.
    """
    night: dict[str, dict[str, Any]] = {
        "load_date": {
            **forms.DATE.schema,
            "format": "date",
            "description": "Date of the dump at UTC-5.",
        },
        "landing_uri": {
            **forms.S3_URI.schema,
            "description": "Root of the landing, s3://<bucket>/<prefix>.",
        },
        "files": {
            **_object(
                {
                    table: {"type": "array", "items": forms.S3_URI.schema, "minItems": 1}
                    for table in domain.raw_tables
                }
            ),
            "description": "The files of each raw table, as the night's manifest names them.",
        },
        "manifest": {**forms.S3_URI.schema, "description": "The night's manifest."},
    }
    return {
        **{name: _or_null(schema) for name, schema in night.items()},
        "emr": {
            **_object(
                {
                    "release": forms.RELEASE.schema,
                    "market": forms.MARKET.schema,
                    "primary_instance_type": forms.INSTANCE_TYPE.schema,
                    "core_instance_type": forms.INSTANCE_TYPE.schema,
                    **{name: count.schema for name, count in _COUNTS.items()},
                }
            ),
            "description": "The cluster that the night runs on.",
        },
        **_OPTIONAL,
    }


class RequestError(Exception):
    """The request cannot be granted; the message says why."""


@dataclass(frozen=True)
class NightlyRequest:
    """A request for a night that fits the schema of its domain.

    Attributes:
        files: raw table to the URIs of its files.
        manifest: URI of the manifest by which they were judged.
        emr: the cluster, as the schema describes it, with counts that EMR takes.
        limits: what this run does otherwise than the project says.
    """

    domain: Domain
    load_date: date
    landing_uri: str
    files: Mapping[str, tuple[str, ...]]
    manifest: str
    emr: Mapping[str, Any]
    limits: Limits = AS_CONFIGURED

    @classmethod
    def of(cls, conf: Mapping[str, Any], domain: Domain) -> NightlyRequest:
        """Read the conf of a night, whose values have been checked against the domain's schema.

        Raises:
            RequestError: a key that a night needs is null, or a count is none.
        """
        if missing := [name for name in _OF_A_NIGHT if conf[name] is None]:
            raise RequestError(
                f"the run's conf is neither a night nor a rebuild: {', '.join(missing)} and "
                "rebuild_from are null"
            )
        share = conf.get("max_rejected_share")
        return cls(
            domain=domain,
            load_date=date.fromisoformat(conf["load_date"]),
            landing_uri=canonical_location(conf["landing_uri"]),
            files={
                table: tuple(map(canonical_location, uris)) for table, uris in conf["files"].items()
            },
            manifest=canonical_location(conf["manifest"]),
            emr=_cluster(conf["emr"]),
            limits=Limits(
                max_rejected_share=None if share is None else share_of(str(share)),
                accept_shrink=conf.get("accept_shrink", False),
            ),
        )

    @property
    def load_dates(self) -> Sequence[date]:
        """The nights that the run loads."""
        return [self.load_date]

    def open(self) -> tuple[Landing, Night]:
        """Open the night in the landing, whole and just as it was requested.

        Raises:
            RequestError: it is not whole, or its files and manifest are not those of the request.
        """
        try:
            landing = Landing.scan(self.landing_uri, self.domain)
            night = landing.open_night(self.load_date)
        except LandingError as error:
            raise RequestError(str(error)) from error
        found = {uri_of(landing.file_system, file.path) for file in night.files}
        asked = {uri for uris in self.files.values() for uri in uris}
        if night.manifest_path:
            found.add(uri_of(landing.file_system, night.manifest_path))
        if found != asked | {self.manifest}:
            differing = ", ".join(sorted(found ^ (asked | {self.manifest})))
            raise RequestError(
                f"the dump of {self.load_date} is not the one that was requested: {differing}. "
                "Let the readiness check look at the night again."
            )
        return landing, night


@dataclass(frozen=True)
class RebuildRequest:
    """A request for a rebuild, which loads no night.

    Attributes:
        first_day: the week that holds it is the first one that is derived again.
        emr: as that of NightlyRequest.
    """

    domain: Domain
    first_day: date
    emr: Mapping[str, Any]

    @classmethod
    def of(cls, conf: Mapping[str, Any], domain: Domain) -> RebuildRequest:
        """Read the conf of a rebuild, whose values have been checked against the domain's schema.

        Raises:
            RequestError: it has something of a night, or a count is none.
        """
        if surplus := [name for name in (*_OF_A_NIGHT, *_LIMITS) if conf.get(name)]:
            raise RequestError(
                f"the run's conf is a night and a rebuild at once: with rebuild_from, "
                f"{', '.join(surplus)} must be null"
            )
        return cls(domain, date.fromisoformat(conf["rebuild_from"]), _cluster(conf["emr"]))

    @property
    def load_dates(self) -> Sequence[date]:
        """As that of NightlyRequest: none."""
        return ()


def request_of(conf: Mapping[str, Any], domain: Domain) -> NightlyRequest | RebuildRequest:
    """Read a conf whose values have been checked against the schema of a domain's night.

    Raises:
        RequestError: a key that nobody knows, a count that is none, or neither a night nor a
            rebuild, or both.
    """
    if unknown := sorted(conf.keys() - conf_schema(domain).keys()):
        raise RequestError(f"unknown keys in the run's conf: {', '.join(unknown)}")
    kind = NightlyRequest if conf.get("rebuild_from") is None else RebuildRequest
    return kind.of(conf, domain)


@dataclass(frozen=True)
class RequestBounds:
    """What a request may ask for: whoever may trigger a run may not load and order everything.

    Attributes:
        landings: URIs of the landings that a night may come from.
        instance_types: what its cluster may consist of.
        most_nodes: how many core and task nodes it may have.
    """

    landings: frozenset[str]
    instance_types: frozenset[str]
    most_nodes: int

    @classmethod
    def from_environment(cls) -> RequestBounds:
        """Read SHELFWEEK_LANDINGS, SHELFWEEK_EMR_INSTANCE_TYPES (commas between), and the number.

        Raises:
            RequestError: a variable is missing or no number; the message names it.
        """
        most_nodes = _variable("SHELFWEEK_EMR_MOST_NODES")
        if not (most_nodes.isascii() and most_nodes.isdigit()):
            raise RequestError(f"SHELFWEEK_EMR_MOST_NODES is {most_nodes!r}: a number is expected")
        return cls(
            landings=frozenset(map(canonical_location, _listed(_variable("SHELFWEEK_LANDINGS")))),
            instance_types=frozenset(_listed(_variable("SHELFWEEK_EMR_INSTANCE_TYPES"))),
            most_nodes=int(most_nodes),
        )

    def expect(self, request: NightlyRequest | RebuildRequest) -> None:
        """Make sure that a request stays within the limits.

        Raises:
            RequestError: it does not; the message names the variable that would allow it.
        """
        emr = request.emr
        if isinstance(request, NightlyRequest) and request.landing_uri not in self.landings:
            raise RequestError(
                f"no night is loaded from {request.landing_uri}: "
                f"SHELFWEEK_LANDINGS names {', '.join(sorted(self.landings))}"
            )
        asked_types = {emr["primary_instance_type"], emr["core_instance_type"]}
        if others := sorted(asked_types - self.instance_types):
            raise RequestError(
                f"no cluster is made of {', '.join(others)}: "
                f"SHELFWEEK_EMR_INSTANCE_TYPES names {', '.join(sorted(self.instance_types))}"
            )
        nodes = emr["core_instance_count"] + emr["task_instance_count"]
        if nodes > self.most_nodes:
            raise RequestError(
                f"no cluster has {nodes} core and task nodes: "
                f"SHELFWEEK_EMR_MOST_NODES allows {self.most_nodes}"
            )


def _cluster(emr: Mapping[str, Any]) -> dict[str, Any]:
    """A conf's cluster, with counts that EMR takes."""
    counts = {}
    for name, count in _COUNTS.items():
        try:
            counts[name] = count.of(emr[name])
        except forms.FormError as error:
            raise RequestError(f"{name} in the run's conf: {error}") from error
    return {**emr, **counts}


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise RequestError(f"the environment variable {name} is not set")
    return value


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
