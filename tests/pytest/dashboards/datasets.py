"""What the datasets of the dashboards ask a database, as SQL."""

from __future__ import annotations

from typing import Any

import yaml

from shelfweek.project import PROJECT

DATASETS = PROJECT / "superset" / "assets" / "datasets"


def _source(dataset: dict[str, Any]) -> str:
    if dataset["sql"]:
        return f"({dataset['sql']}) as dataset"
    return f"{dataset['schema']}.{dataset['table_name']}"


def metric_query(name: str, metric: str) -> str:
    """A query for one metric of a dataset."""
    dataset = yaml.safe_load((DATASETS / f"{name}.yaml").read_text(encoding="utf-8"))
    (expression,) = (m["expression"] for m in dataset["metrics"] if m["metric_name"] == metric)
    return f"select {expression} from {_source(dataset)}"


def questions() -> dict[str, str]:
    """By dataset: a query for each of its columns, and one for all of its metrics."""
    asked = {}
    for path in sorted(DATASETS.glob("*.yaml")):
        dataset = yaml.safe_load(path.read_text(encoding="utf-8"))
        columns = ", ".join(
            column["expression"] or column["column_name"] for column in dataset["columns"]
        )
        metrics = ", ".join(metric["expression"] for metric in dataset["metrics"])
        source = _source(dataset)
        asked[f"{path.stem}, columns"] = f"select {columns} from {source} limit 1"
        asked[f"{path.stem}, metrics"] = f"select {metrics} from {source}"
    return asked
