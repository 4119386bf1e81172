"""The EMR cluster of a night: one definition, from the run's conf and the account's settings.

What a laptop is told instead of a cluster stands beside it in shelfweek/spark_settings.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shelfweek import spark_settings

THRIFT_PORT = 10001
"""Hive's own server takes 10000."""

NIGHT_DAG_ID = "nightly_retail"
RUN_TAG = "shelfweek:run_id"

LONGEST_LIFE = timedelta(hours=6)
"""The reaper terminates a cluster that is older: a night ends by 7:00 or was stopped by then."""

IDLE_LIMIT = timedelta(hours=1)
"""EMR itself ends a cluster that runs nothing for so long: its Thrift Server never came up."""


class SettingsError(Exception):
    """An environment variable is missing; the message names it."""


@dataclass(frozen=True)
class AccountSettings:
    """What belongs to the account, not to the night.

    Attributes:
        lake: URI of the lake that the nights go to.
        log_uri: where EMR writes the cluster's logs, s3://<bucket>/<prefix>/.
        subnet: id of a private subnet that Airflow's workers reach.
        primary_security_group: id of the primary node's; it lets Airflow's workers, and nobody
            else, reach THRIFT_PORT.
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
    def from_environment(cls) -> AccountSettings:
        """Read the variables SHELFWEEK_LAKE and SHELFWEEK_EMR_*.

        Raises:
            SettingsError: one is missing.
        """
        of_emr = [name for name in cls.__annotations__ if name != "lake"]
        return cls(
            lake=_variable("SHELFWEEK_LAKE"),
            **{name: _variable(f"SHELFWEEK_EMR_{name.upper()}") for name in of_emr},
        )

    @property
    def owner_tags(self) -> dict[str, str]:
        """Tags of the clusters of this Airflow alone: another one has another lake."""
        return {
            "project": "shelfweek",
            "shelfweek:dag_id": NIGHT_DAG_ID,
            "shelfweek:lake": self.lake,
        }


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise SettingsError(f"the environment variable {name} is not set")
    return value


def job_flow(emr: Mapping[str, Any], account: AccountSettings, run_id: str) -> dict[str, Any]:
    """Build the request of RunJobFlow.

    emr: the conf's object of that name (shelfweek/nightly_request.py).
    """
    tags = {**account.owner_tags, RUN_TAG: run_id}
    return {
        "Name": f"shelfweek {run_id}",
        "ReleaseLabel": emr["release"],
        "Applications": [{"Name": "Spark"}],
        "LogUri": account.log_uri,
        "ServiceRole": account.service_role,
        "JobFlowRole": account.instance_profile,
        "SecurityConfiguration": account.security_configuration,
        "VisibleToAllUsers": True,
        "Instances": {
            "Ec2SubnetId": account.subnet,
            "EmrManagedMasterSecurityGroup": account.primary_security_group,
            "EmrManagedSlaveSecurityGroup": account.core_security_group,
            "ServiceAccessSecurityGroup": account.service_security_group,
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": False,
            "InstanceGroups": [
                # A night does not survive the loss of its primary, so that is never spot.
                _group("MASTER", "ON_DEMAND", emr["primary_instance_type"], 1),
                _group(
                    "CORE", emr["market"], emr["core_instance_type"], emr["core_instance_count"]
                ),
            ],
        },
        "ManagedScalingPolicy": {"ComputeLimits": _scaling(emr)},
        "AutoTerminationPolicy": {"IdleTimeout": int(IDLE_LIMIT.total_seconds())},
        "Configurations": [
            {"Classification": "spark-defaults", "Properties": spark_settings.on_emr()},
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _group(role: str, market: str, instance_type: str, count: int) -> dict[str, Any]:
    return {
        "Name": role.lower(),
        "InstanceRole": role,
        "Market": market,
        "InstanceType": instance_type,
        "InstanceCount": count,
    }


def _scaling(emr: Mapping[str, Any]) -> dict[str, Any]:
    """Managed scaling adds up to `task_instance_count` nodes while statements wait for them."""
    core = emr["core_instance_count"]
    most = core + emr["task_instance_count"]
    return {
        "UnitType": "Instances",
        "MinimumCapacityUnits": core,
        "MaximumCapacityUnits": most,
        "MaximumCoreCapacityUnits": core,
        "MaximumOnDemandCapacityUnits": most if emr["market"] == "ON_DEMAND" else 0,
    }


THRIFT_SERVER_STEP = {
    "Name": "start the Spark Thrift Server",
    # The probe says more about a server that did not come up than the step does.
    "ActionOnFailure": "CONTINUE",
    "HadoopJarStep": {
        "Jar": "command-runner.jar",
        "Args": [
            # Not root, and not hadoop, whom a step begins as and who may become root.
            *("sudo", "-u", "spark"),
            "/usr/lib/spark/sbin/start-thriftserver.sh",
            *("--master", "yarn"),
            *("--hiveconf", f"hive.server2.thrift.port={THRIFT_PORT}"),
        ],
    },
}
