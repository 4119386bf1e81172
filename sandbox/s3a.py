"""Spark's connector to S3 for the laptop's Thrift Server: five jars, fetched once, and settings.

On EMR the connector is there. The usual bundle of the AWS SDK has 281 MB; these have 5 MB.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sandbox.aws import Aws
from sandbox.download import download
from shelfweek.project import PROJECT

CENTRAL = "https://repo1.maven.org/maven2"
CACHE = PROJECT / ".run" / "jars"

# Path in Maven Central: SHA-256. hadoop-aws has the version of pyspark's own Hadoop jars.
JARS = {
    "org/apache/hadoop/hadoop-aws/3.3.4/hadoop-aws-3.3.4.jar": (
        "53f9ae03c681a30a50aa17524bd9790ab596b28481858e54efd989a826ed3a4a"
    ),
    "com/amazonaws/aws-java-sdk-core/1.12.262/aws-java-sdk-core-1.12.262.jar": (
        "06fed99f929c389e168278c1b111aaf1afb270d07202fbbce92e73d1e4279678"
    ),
    "com/amazonaws/aws-java-sdk-s3/1.12.262/aws-java-sdk-s3-1.12.262.jar": (
        "a0cb7580178bc0d4d3558295a5bb890008478da8a6b3241989c71238b0ed3be5"
    ),
    "com/amazonaws/aws-java-sdk-dynamodb/1.12.262/aws-java-sdk-dynamodb-1.12.262.jar": (
        "7af4ba06d0d9b3c2ab435089caecd0567810d203aa285f7aa72861f1964d442e"
    ),
    "com/amazonaws/jmespath-java/1.12.262/jmespath-java-1.12.262.jar": (
        "9001ea993a45d82a2d3086edcbda8a40b4e012d049a70fbf071fd329c0fbd777"
    ),
}


def fetch_jars(cache: Path = CACHE, source: str = CENTRAL) -> list[Path]:
    """Return the connector's jars; those that the cache lacks are fetched and checked.

    Raises:
        DownloadError: a jar cannot be fetched, or has another checksum.
    """
    return [_fetch(cache, f"{source}/{path}", checksum) for path, checksum in JARS.items()]


def _fetch(cache: Path, url: str, checksum: str) -> Path:
    jar = cache / url.rpartition("/")[2]
    if not (jar.exists() and hashlib.sha256(jar.read_bytes()).hexdigest() == checksum):
        download(url, checksum, jar)
    return jar


def settings_for(account: Aws) -> dict[str, str]:
    """Spark settings that lead S3 to an emulated account; its keys are placeholders."""
    keys = account.environment
    return {
        "spark.hadoop.fs.s3a.endpoint": account.endpoint,
        # A run writes to folders that nothing points at yet, so files may move there one by one.
        # The default moves them twice, and moving is copying here.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.access.key": keys["AWS_ACCESS_KEY_ID"],
        "spark.hadoop.fs.s3a.secret.key": keys["AWS_SECRET_ACCESS_KEY"],
    }
