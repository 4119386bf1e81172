"""The test of rights sees every way to write "everything"."""

from __future__ import annotations

from typing import Any

import pytest
from policies import faults_of

GOOD = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::lake/marts/*"}


@pytest.mark.parametrize(
    "part",
    [
        {"Action": "*"},
        {"Action": "s3:*"},
        {"Action": ["s3:GetObject", "glue:*"]},
        {"Resource": "*"},
        {"Resource": ["arn:aws:s3:::lake/*", "*"]},
        {"Resource": "arn:${AWS::Partition}:s3:::*"},
        {"Resource": "arn:aws:s3:::*/*"},
        {"Resource": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:*"}},
        {"NotAction": "iam:*"},
        {"NotResource": "arn:aws:s3:::lake"},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["arn:aws:iam::1:role/worker", "arn:aws:iam::*:root"]}},
    ],
)
def test_a_statement_for_everything_is_seen(part: dict[str, Any]) -> None:
    assert len(faults_of({**GOOD, **part})) == 1


def test_a_narrow_statement_and_one_that_denies_are_left_alone() -> None:
    assert faults_of(GOOD) == []
    assert faults_of({"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"}) == []
