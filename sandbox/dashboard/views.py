"""The views of models/serving as plain SQL, for DuckDB, which takes the same SQL as Athena."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import yaml

from shelfweek.project import PROJECT

VIEWS = PROJECT / "models" / "serving" / "retail"
VIEW_NAMES = (
    "weekly_sales_inventory", "latest_complete_week", "stock_alerts", "store_week_scorecard",
    "rejected_rows_daily",
)  # fmt: skip
"""Each after those that it selects from."""


def rendered(view: str, **variables: Any) -> str:
    """A view's SQL with plain names of tables; variables: in place of dbt_project.yml's."""
    return rendered_file(VIEWS / f"{view}.sql", **variables)


def rendered_file(path: Path, **variables: Any) -> str:
    """The SQL of a model or test; variables: in place of dbt_project.yml's."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    # autoescape is for pages; this is SQL.
    template = jinja2.Environment(autoescape=False).from_string(  # noqa: S701
        path.read_text(encoding="utf-8")
    )
    return template.render(
        source=lambda _, table: table,
        ref=lambda model: model,
        var={**project["vars"], **variables}.__getitem__,
    )
