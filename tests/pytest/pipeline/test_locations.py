"""A location means the same however it is written."""

from __future__ import annotations

import pytest

from shelfweek.places import canonical_location


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("s3://lake/retail", "s3://lake/retail"),
        ("s3://lake/retail/", "s3://lake/retail"),
        ("s3a://lake/retail//", "s3://lake/retail"),
        ("S3A://lake/Retail", "s3://lake/Retail"),
        ("s3n://lake", "s3://lake"),
        ("s3://lake/", "s3://lake"),
        ("/data/lake/", "/data/lake"),
        ("/", "/"),
        ("file:/data/lake/", "file:/data/lake"),
        ("file:///", "file:///"),
        ("s3alike/x/", "s3alike/x"),
        ("gs://s3a://x", "gs://s3a://x"),
        ("", ""),
    ],
)
def test_a_location_has_one_canonical_form(written: str, canonical: str) -> None:
    assert canonical_location(written) == canonical
    assert canonical_location(canonical) == canonical
