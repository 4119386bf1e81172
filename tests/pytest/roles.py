"""Clients of the emulated account with the rights of a role, for trying what it may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3

from sandbox.aws import REGION, Aws

ROOT = "arn:aws:iam::000000000000:root"

Client = Callable[[str], Any]
"""Makes the client of a service."""

TRUSTS_ROOT = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}


def document(statement: dict[str, Any]) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def as_role(account: Aws, arn: str, caller: Client | None = None) -> Client:
    """Clients with the rights of a role that the caller, root if none is named, takes on."""
    sts = (caller or account.client)("sts")
    taken = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    def client(service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=account.endpoint,
            region_name=REGION,
            aws_access_key_id=taken["AccessKeyId"],
            aws_secret_access_key=taken["SecretAccessKey"],
            aws_session_token=taken["SessionToken"],
        )

    return client
