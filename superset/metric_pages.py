"""The pages that say what the metric catalog says: dbt's glossary and docs/metrics.md.

The figures of docs/metrics.md are those of the unit tests of the worked example, so that the page
cannot promise what the models do not do.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import yaml

from superset.metric_catalog import PROJECT, Metric, read_catalog

GLOSSARY = PROJECT / "models" / "metric_glossary.md"
PAGE = PROJECT / "docs" / "metrics.md"
UNIT_TESTS = PROJECT / "models" / "intermediate" / "retail" / "_int_retail__unit_tests.yml"

DAY_COLUMNS = {
    "business_date": "day",
    "on_hand_qty": "on hand",
    "on_order_qty": "on order",
    "sales_qty": "sales quantity",
    "sales_amt": "sales amount",
    "stock_on_hand_amt": "stock at the day's price",
    "out_of_stock_flg": "out-of-stock flag",
    "low_stock_flg": "low-stock flag",
}
"""Columns of the worked example's days, as the page heads them."""

_DIRECTIONS = {
    "up": "more is better",
    "down": "less is better",
    "neutral": "neither more nor less is better",
}

_BLOCK = re.compile(r"(<!-- from the catalog: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def metric_pages() -> dict[Path, str]:
    """Return the text that each page should have.

    Raises:
        KeyError: docs/metrics.md has a block for what is no metric of the catalog.
    """
    metrics = read_catalog()
    example = worked_example()
    blocks = {name: _section(metric, example[name]) for name, metric in metrics.items()}
    blocks["days"] = _days()
    page = PAGE.read_text(encoding="utf-8")
    return {
        GLOSSARY: _glossary(metrics),
        PAGE: _BLOCK.sub(lambda block: f"{block[1]}{blocks[block[2]]}\n{block[3]}", page),
    }


def described_metrics() -> list[str]:
    """Return the columns that docs/metrics.md has a section for, in its order."""
    names = [block[2] for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    return [name for name in names if name != "days"]


def worked_example() -> dict[str, Any]:
    """Return the row of the fact that the worked example's unit test expects."""
    (row,) = _unit_test("example_weekly_metrics")["expect"]["rows"]
    return dict(row)


def _glossary(metrics: dict[str, Metric]) -> str:
    heading = "<!-- From seeds/retail/metric_catalog.csv, by superset/describe_assets.py. -->\n"
    return heading + "".join(
        f"\n{{% docs {name} %}}\n{metric.definition}\n{{% enddocs %}}\n"
        for name, metric in metrics.items()
    )


def _section(metric: Metric, figure: float) -> str:
    return (
        f"### {metric.metric_number}. {metric.metric_name}\n\n"
        f"`{metric.column_name}` ({metric.unit}; {_DIRECTIONS[metric.good_direction]}): "
        f"{metric.definition}\n\n"
        f"{metric.roll_up_definition}\n\n"
        f"```sql\n{metric.expression}\n```\n\n"
        f"- In the example: {figure:.6g}"
    )


def _days() -> str:
    test = _unit_test("example_days_joined")
    (stock,) = (each for each in test["given"] if "stg_retail__inventory" in each["input"])
    days = {row["business_date"]: row for row in _rows(test["expect"]["rows"])}
    for row in _rows(stock["rows"]):
        days[row["business_date"]] |= {name: row[name] for name in ("on_hand_qty", "on_order_qty")}
    lines = [list(DAY_COLUMNS.values()), ["---"] * len(DAY_COLUMNS)]
    lines += [[row.get(name, "") for name in DAY_COLUMNS] for row in days.values()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _unit_test(name: str) -> dict[str, Any]:
    tests = yaml.safe_load(UNIT_TESTS.read_text(encoding="utf-8"))["unit_tests"]
    (test,) = (test for test in tests if test["name"] == name)
    return dict(test)


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))
