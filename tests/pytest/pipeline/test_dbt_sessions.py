"""dbt keeps its sessions on the Thrift Server, but for one on which a statement failed."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.adapters.spark.connections import PyhiveConnectionWrapper, SparkConnectionManager
from dbt_common.exceptions import DbtRuntimeError
from lakes import Lake
from pyhive import hive
from toys import write_whole_months


def test_a_night_opens_a_session_for_each_thread_of_each_command_alone(
    fresh_toy_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    connect = hive.connect

    def counted(*arguments: Any, **named: Any) -> Any:
        opened.append(1)
        return connect(*arguments, **named)

    landing = fresh_toy_lake.folder.parent / "landing"
    write_whole_months(landing, date(2026, 3, 5), ["2026-02"])
    monkeypatch.setattr(hive, "connect", counted)
    fresh_toy_lake.load(landing)
    # More than thirty nodes; two commands with four threads, and what the commands ask beside their
    # nodes. Our own statements go through the same function.
    assert 0 < len(opened) < 30


def test_a_session_whose_server_is_gone_is_closed_without_an_error() -> None:
    """dbt closes all sessions before each command, so the error would never end."""

    def close() -> None:
        raise OSError("nobody is there")

    PyhiveConnectionWrapper(SimpleNamespace(close=close)).close()


def test_a_session_on_which_a_statement_failed_is_closed() -> None:
    closed: list[str] = []
    manager: Any = SimpleNamespace(get_if_exists=lambda: "the thread's", close=closed.append)
    with SparkConnectionManager.exception_handler(manager, "select 1"):
        pass
    assert closed == []
    with (
        pytest.raises(DbtRuntimeError, match="lost"),
        SparkConnectionManager.exception_handler(manager, "select 1"),
    ):
        raise OSError("lost")
    assert closed == ["the thread's"]
