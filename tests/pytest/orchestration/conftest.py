"""The DAG files, imported once, with the settings of an account that does not exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from domains import RETAIL

from sandbox import airflow_server
from sandbox.emulated_account import AIRFLOW_SETTINGS, LANDING_URI
from shelfweek.project import PROJECT

pytest.importorskip("airflow", reason="Airflow is not installed: make test does it")


@pytest.fixture(scope="session")
def dag_bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """All DAGs of the project. Airflow is imported here: it reads its settings then."""
    before = dict(os.environ)
    home = tmp_path_factory.mktemp("airflow")
    os.environ.update(airflow_server.environment(home, AIRFLOW_SETTINGS))
    airflow_server.make_manifest({})
    from airflow.dag_processing.dagbag import DagBag

    yield DagBag(dag_folder=PROJECT / "dags")
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def night(dag_bag: Any) -> Any:
    """The DAG of the night."""
    return dag_bag.dags["nightly_retail"]


@pytest.fixture
def conf() -> dict[str, Any]:
    """A conf as the readiness check sends it."""
    day, digits = "2026-11-20", "20261120"
    return {
        "load_date": day,
        "landing_uri": LANDING_URI,
        "files": {
            table: [f"{LANDING_URI}/{table}/load_date={day}/{table}_{digits}.csv"]
            for table in RETAIL.raw_tables
        },
        "manifest": f"{LANDING_URI}/manifest/load_date={day}/manifest_{digits}.json",
        "emr": {
            "release": "emr-7.13.0",
            "market": "SPOT",
            "primary_instance_type": "m7g.xlarge",
            "core_instance_type": "r7g.2xlarge",
            "core_instance_count": 2,
            "task_instance_count": 3,
        },
    }


@pytest.fixture
def rebuild_conf(conf: dict[str, Any]) -> dict[str, Any]:
    """A conf of a rebuild, as a person sends it."""
    nothing = dict.fromkeys(("load_date", "landing_uri", "files", "manifest"))
    return {**conf, **nothing, "rebuild_from": "2026-11-03"}
