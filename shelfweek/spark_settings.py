"""What Spark is told, on a laptop and on EMR side by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# The tables would hold other values without one of these, so both places have them.
CORRECTNESS: Mapping[str, str] = MappingProxyType(
    {
        # Without it a failed cast, an overflow and 1/0 are silent nulls.
        "spark.sql.ansi.enabled": "true",
        # A night gives the same result wherever it runs.
        "spark.sql.session.timeZone": "UTC",
        # Dates before 1582, as sentinels often are, are written and read as they stand.
        "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
        # Each session caches where an unpartitioned table lies and would go on reading the old
        # folder after `alter table ... set location` in another session.
        "spark.sql.filesourceTableRelationCacheSize": "0",
        # Rows that lie together by store and product need not move to be joined by week as well.
        "spark.sql.requireAllClusterKeysForCoPartition": "false",
        # `${env:NAME}` in a folder's name or a value would become a variable of the server.
        "spark.sql.variable.substitute": "false",
    }
)

_GLUE_CLIENT = "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"
_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"

# Setting: (on a laptop, on EMR); None leaves Spark's or EMR's own value. What follows from a
# machine's size or folders is not here.
_BY_PLACE: Mapping[str, tuple[str | None, str | None]] = MappingProxyType(
    {
        # The catalog: Derby in the lake's folder, or Glue.
        "spark.sql.catalogImplementation": ("hive", "hive"),
        "spark.hadoop.hive.metastore.client.factory.class": (None, _GLUE_CLIENT),
        # Relative to derby.system.home, so no path has to survive the syntax of a JDBC URL.
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            "jdbc:derby:;databaseName=db;create=true",
            None,
        ),
        # s3:// is S3A in both places: EMR 7.10 and later have it so by default.
        "spark.hadoop.fs.s3.impl": (_S3A, None),
        # Executors come and go with the statements; a laptop has none.
        "spark.dynamicAllocation.enabled": (None, "true"),
        "spark.sql.adaptive.enabled": ("true", "true"),
    }
)


def on_laptop() -> dict[str, str]:
    """Settings of the Thrift Server on a laptop."""
    return {**CORRECTNESS, **_of_place(0)}


def on_emr() -> dict[str, str]:
    """Settings of the Thrift Server on a cluster."""
    return {**CORRECTNESS, **_of_place(1)}


def _of_place(place: int) -> dict[str, str]:
    return {name: values[place] for name, values in _BY_PLACE.items() if values[place] is not None}  # type: ignore[misc]
