"""The published tables in Glue, where the lake's own catalog is not Glue.

On EMR, Glue is Spark's catalog and has them already. A laptop's is a Derby database; here its
tables and partitions are copied to an emulated Glue, each pointing at the folder that Spark's
points at.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from shelfweek.domain import Domain
from shelfweek.engine import Engine, Row, Session

# What Spark writes for a table of parquet files.
_FORMAT = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}
_PARAMETERS = {"EXTERNAL": "TRUE", "spark.sql.sources.provider": "parquet"}

# Glue takes so many partitions at once.
_BATCH = 100


def register(engine: Engine, domain: Domain, glue: Any) -> None:
    """Make Glue's tables those of a domain as they are published in the lake now.

    glue: a boto3 client. Registering again replaces the tables; no file is touched.
    """
    database = engine.schema(domain.name, "marts")
    with engine.session() as session:
        for table, partition_column in domain.published_tables.items():
            name = f"{database}.{table}"
            description = session.query(f"describe formatted {name}")
            put_table(
                glue,
                database,
                table,
                _columns(description),
                _location(description),
                partition_column,
                partition_folders(session, name) if partition_column else {},
            )


def put_table(
    glue: Any,
    database: str,
    table: str,
    columns: Mapping[str, str],
    location: str,
    partition_column: str | None = None,
    partitions: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Create a table of parquet files in Glue, in place of the one that was there.

    columns: name to Hive's type, the partition column too. partitions: value to folder.
    """
    if database not in {each["Name"] for each in glue.get_databases()["DatabaseList"]}:
        glue.create_database(DatabaseInput={"Name": database})
    with contextlib.suppress(glue.exceptions.EntityNotFoundException):
        glue.delete_table(DatabaseName=database, Name=table)
    described = [{"Name": name, "Type": kind} for name, kind in columns.items()]
    keys = [column for column in described if column["Name"] == partition_column]
    storage = {
        "Columns": [column for column in described if column not in keys],
        "Location": location,
        **_FORMAT,
    }
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": table,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": _PARAMETERS,
            "PartitionKeys": keys,
            "StorageDescriptor": storage,
        },
    )
    inputs = [
        {"Values": [value], "StorageDescriptor": {**storage, "Location": folder}}
        for value, folder in partitions.items()
    ]
    for begin in range(0, len(inputs), _BATCH):
        glue.batch_create_partition(
            DatabaseName=database,
            TableName=table,
            PartitionInputList=inputs[begin : begin + _BATCH],
        )


def _columns(description: list[Row]) -> dict[str, str]:
    """Name to type: the rows before the first one without a name of a column."""
    rows = itertools.takewhile(lambda row: row["col_name"].isidentifier(), description)
    return {row["col_name"]: row["data_type"] for row in rows}


def partition_folders(session: Session, table: str) -> dict[str, str]:
    """Value to folder of each partition."""
    folders = {}
    for row in session.query(f"show partitions {table}"):
        column, day = row["partition"].split("=")
        folders[day] = _location(
            session.query(f"describe formatted {table} partition ({column} = date'{day}')")
        )
    return folders


def _location(description: list[Row]) -> str:
    """The first one: that of a partition comes before that of its table."""
    return next(str(row["data_type"]) for row in description if row["col_name"] == "Location")
