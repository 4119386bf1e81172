"""The EMR cluster of a night: one definition, from the run's conf and the account's settings.

What a laptop is told instead of a cluster stands beside it in shelfweek/spark_settings.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from account import AccountSettings
from shelfweek import spark_settings
from shelfweek.clusters import DAG_TAG, REQUEST_TAG, RUN_TAG, name_of
from shelfweek.places import canonical_location

THRIFT_PORT = 10001
"""Hive's own server takes 10000."""

LONGEST_LIFE = timedelta(hours=6)
"""The reaper terminates a cluster that is older: a night ends by 7:00 or was stopped by then."""

IDLE_LIMIT = timedelta(hours=1)
"""EMR itself ends a cluster that runs nothing for so long: its Thrift Server never came up."""


def job_flow(
    emr: Mapping[str, Any], account: AccountSettings, dag_id: str, run_id: str
) -> dict[str, Any]:
    """Build the request of RunJobFlow; each one has a tag of its own.

    emr: the conf's object of that name (shelfweek/nightly_request.py).
    """
    of_the_run = {DAG_TAG: dag_id, RUN_TAG: run_id, REQUEST_TAG: uuid4().hex}
    tags = {**account.owner_tags, **of_the_run}
    return {
        "Name": name_of(dag_id, run_id, account.lake),
        "ReleaseLabel": emr["release"],
        "Applications": [{"Name": "Spark"}],
        "LogUri": canonical_location(account.log_uri),
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
