"""The stand-in for Athena's API: what it says of a query that fails after Trino ran it."""

from __future__ import annotations

from sandbox.athena import Athena, Query
from sandbox.aws import Aws
from sandbox.trino import Statement, Trino


class Willing(Trino):
    """A Trino that takes every statement."""

    def run(self, sql: str, schema: str, statement: Statement | None = None) -> Statement:
        """Run nothing."""
        return statement or Statement([], [])


def test_a_query_whose_result_cannot_be_written_fails_and_says_why() -> None:
    """Else it would be running for ever, and dbt would wait for it."""
    nowhere = "http://127.0.0.1:1"
    athena = Athena("", Aws(nowhere), Willing(nowhere))
    query = Query("select 1", "default", "primary", "s3://results/")
    athena.queries[query.id] = query
    athena._run(query)
    answer = athena.answer("AmazonAthena.GetQueryExecution", {"QueryExecutionId": query.id})
    assert answer is not None
    status = answer["QueryExecution"]["Status"]
    assert status["State"] == "FAILED"
    assert "Could not connect" in status["StateChangeReason"]
