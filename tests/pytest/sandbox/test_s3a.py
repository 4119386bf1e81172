"""The S3 connector's jars are the ones that were pinned, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import s3a
from sandbox.download import DownloadError


def test_a_jar_with_another_checksum_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "central"
    for path in s3a.JARS:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(b"not the jar")
    with pytest.raises(DownloadError, match="has the SHA-256"):
        s3a.fetch_jars(tmp_path / "cache", source.as_uri())
    assert not list(tmp_path.glob("cache/*"))


def test_a_source_without_the_jar_is_named(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="hadoop-aws"):
        s3a.fetch_jars(tmp_path / "cache", (tmp_path / "nothing").as_uri())
