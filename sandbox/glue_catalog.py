"""The published tables in Glue, where the lake's own catalog is not Glue.

On EMR, Glue is Spark's catalog and has them already. A laptop's is a Derby database; here its
tables and partitions are copied to an emulated Glue, each pointing at the folder that Spark's
points at.
"""

from __future__ import annotations

from typing import Any

from shelfweek.engine import Engine, Row, Session
from shelfweek.lake import PUBLISHED_TABLES

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


def register(engine: Engine, glue: Any) -> None:
    """Make Glue's tables those of the lake as it is published now.

    glue: a boto3 client. Registering again replaces the tables; no file is touched.
    """
    database = f"{engine.schema}_marts"
    if database not in {each["Name"] for each in glue.get_databases()["DatabaseList"]}:
        glue.create_database(DatabaseInput={"Name": database})
    existing = {each["Name"] for each in glue.get_tables(DatabaseName=database)["TableList"]}
    with engine.session() as session:
        for table, partition_column in PUBLISHED_TABLES.items():
            if table in existing:
                glue.delete_table(DatabaseName=database, Name=table)
            _create(session, glue, database, table, partition_column)


def _create(
    session: Session, glue: Any, database: str, table: str, partition_column: str | None
) -> None:
    description = session.query(f"describe formatted {database}.{table}")
    columns = []
    for row in description:
        # An empty or commented name ends the columns; partition columns come again after it.
        if not row["col_name"] or row["col_name"].startswith("#"):
            break
        columns.append({"Name": row["col_name"], "Type": row["data_type"]})
    keys = [column for column in columns if column["Name"] == partition_column]
    storage = {
        "Columns": [column for column in columns if column not in keys],
        "Location": _location(description),
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
    partitions = _partitions(session, f"{database}.{table}", storage) if keys else []
    for begin in range(0, len(partitions), _BATCH):
        glue.batch_create_partition(
            DatabaseName=database,
            TableName=table,
            PartitionInputList=partitions[begin : begin + _BATCH],
        )


def _partitions(session: Session, table: str, storage: dict[str, Any]) -> list[dict[str, Any]]:
    partitions = []
    for row in session.query(f"show partitions {table}"):
        column, day = row["partition"].split("=")
        description = session.query(
            f"describe formatted {table} partition ({column} = date'{day}')"
        )
        location = _location(description)
        partitions.append({"Values": [day], "StorageDescriptor": {**storage, "Location": location}})
    return partitions


def _location(description: list[Row]) -> str:
    """The last one: that of a partition comes after that of its table."""
    (*_, location) = (row["data_type"] for row in description if row["col_name"] == "Location")
    return str(location)
