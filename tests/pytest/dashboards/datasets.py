"""What the datasets of the dashboards ask a database, as SQL."""

from __future__ import annotations

import yaml

from shelfweek.contract import PROJECT

DATASETS = PROJECT / "superset" / "assets" / "datasets"


def questions() -> dict[str, str]:
    """By dataset: a query for each of its columns, and one for all of its metrics."""
    asked = {}
    for path in sorted(DATASETS.glob("*.yaml")):
        dataset = yaml.safe_load(path.read_text(encoding="utf-8"))
        columns = ", ".join(
            column["expression"] or column["column_name"] for column in dataset["columns"]
        )
        metrics = ", ".join(metric["expression"] for metric in dataset["metrics"])
        source = (
            f"({dataset['sql']}) as dataset"
            if dataset["sql"]
            else f"{dataset['schema']}.{dataset['table_name']}"
        )
        asked[f"{path.stem}, columns"] = f"select {columns} from {source} limit 1"
        asked[f"{path.stem}, metrics"] = f"select {metrics} from {source}"
    return asked
