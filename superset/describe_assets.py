"""Write into the assets what dbt's manifest and the metric catalog say of columns and metrics.

Labels, descriptions, units and formats of the fourteen metrics come from
seeds/retail/metric_catalog.csv; descriptions of datasets and columns from dbt's manifest for
Athena, which has the views and, as sources, the published tables. A text below the first line of a
metric's description, or the first paragraph of a chart's, is the asset's own and stays.

    python superset/describe_assets.py            rewrite the assets
    python superset/describe_assets.py --check    change nothing; exit code 1 if one has drifted
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).resolve().parent.parent
ASSETS = Path(__file__).parent / "assets"
CATALOG = PROJECT / "seeds" / "retail" / "metric_catalog.csv"

FORMATS = {
    "units": ",.0f",
    "money": ",.0f",
    "money per unit": ",.2f",
    "fraction": ".1%",
    "days": ",.0f",
    "weeks": ",.1f",
}
"""D3 format of each unit of the metric catalog. Money has no sign: the source names no currency."""

ATHENA = {
    "AWS_REGION": "us-east-1",
    "SHELFWEEK_SCHEMA": "",
    "SHELFWEEK_ATHENA_WORK_GROUP": "none",
    "SHELFWEEK_ATHENA_STAGING_DIR": "s3://none/results/",
    "SHELFWEEK_ATHENA_DATA_DIR": "s3://none/tables/",
}
"""What target athena asks for; parsing connects to nothing."""

WIDTH = 80
"""Characters of a line of YAML, from which on it is broken at the next space."""

LONGEST = 94
"""Characters of a line of text that is left as it is: with its indentation it fits into 100."""

Asset = dict[str, Any]


class AssetDumper(yaml.SafeDumper):
    """YAML as yamllint wants it: lists indented, texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists too."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        # Only the folded style breaks long lines, also those that are indented: not for SQL.
        style = "|" if max(map(len, text.splitlines())) <= LONGEST else ">"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


AssetDumper.add_representer(str, _text)


def dump(asset: Asset) -> str:
    """Return an asset as the text of its file."""
    return yaml.dump(asset, Dumper=AssetDumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def read_catalog() -> dict[str, dict[str, str]]:
    """Return the metrics by column name."""
    with CATALOG.open(encoding="utf-8", newline="") as file:
        return {row["column_name"]: row for row in csv.DictReader(file)}


def parse_project() -> Manifest:
    """Return the project as dbt sees it on target athena; needs no engine.

    Raises:
        RuntimeError: dbt cannot parse it.
    """
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, ATHENA):
        result = dbtRunner().invoke(
            [
                *("--log-level", "none", "--log-path", f"{folder}/logs", "parse"),
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT / "profiles")),
                *("--target", "athena", "--target-path", f"{folder}/target"),
            ]
        )
    if not result.success or not isinstance(result.result, Manifest):
        raise RuntimeError(f"the dbt project cannot be parsed: {result.exception}")
    return result.result


def describe(name: str, asset: Asset, manifest: Manifest) -> Asset:
    """Return the asset with the texts that it takes from the manifest and the catalog."""
    catalog = read_catalog()
    if name.startswith("datasets/"):
        table = None if asset["sql"] else _table(asset["table_name"], manifest)
        columns = [_column(column, table, catalog, manifest) for column in asset["columns"]]
        metrics = [_metric(metric, catalog) for metric in asset["metrics"]]
        description = table.description.strip() if table else asset["description"]
        return {**asset, "description": description, "columns": columns, "metrics": metrics}
    if name.startswith("charts/"):
        own, *_ = asset["description"].split("\n\n")
        shown = set(_strings(asset["params"]))
        lines = [
            f"{row['metric_name']} ({row['unit']}): {row['definition']}"
            for column, row in catalog.items()
            if column in shown
        ]
        return {**asset, "description": "\n\n".join([own, *lines])}
    return asset


def _table(name: str, manifest: Manifest) -> Any:
    """The view or published table of that name."""
    view = manifest.nodes.get(f"model.shelfweek.{name}")
    return view or manifest.sources[f"source.shelfweek.retail_published.{name}"]


def _column(
    column: Asset, table: Any, catalog: dict[str, dict[str, str]], manifest: Manifest
) -> Asset:
    name = column["column_name"]
    described = dict(column)
    if block := manifest.docs.get(f"doc.shelfweek.{name}"):
        described["description"] = block.block_contents.strip()
    if name in catalog:
        described["verbose_name"] = catalog[name]["metric_name"]
        described["description"] = catalog[name]["definition"]
    if table and name in table.columns:
        described["description"] = table.columns[name].description.strip()
    return described


def _metric(metric: Asset, catalog: dict[str, dict[str, str]]) -> Asset:
    row = catalog.get(metric["metric_name"])
    if row is None:
        return metric
    _, *own = metric["description"].split("\n")
    return {
        **metric,
        "verbose_name": row["metric_name"],
        "description": "\n".join([row["definition"], *own]),
        "d3format": FORMATS[row["unit"]],
    }


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        children: Iterable[object] = value.values() if isinstance(value, dict) else value
        for child in children:
            yield from _strings(child)


def drifted(manifest: Manifest) -> dict[Path, str]:
    """Return the files that are not as they should be, with the text that they should have."""
    texts = {}
    for path in sorted(ASSETS.rglob("*.yaml")):
        current = path.read_text(encoding="utf-8")
        asset = yaml.safe_load(current)
        wanted = dump(describe(path.relative_to(ASSETS).as_posix(), asset, manifest))
        if wanted != current:
            texts[path] = wanted
    return texts


def main() -> int:
    """Rewrite or check, and return the exit code."""
    is_check = "--check" in sys.argv[1:]
    texts = drifted(parse_project())
    for path, text in texts.items():
        print(f"{'drifted' if is_check else 'rewritten'}: {path.relative_to(PROJECT)}")
        if not is_check:
            path.write_text(text, encoding="utf-8")
    return int(is_check and bool(texts))


if __name__ == "__main__":
    sys.exit(main())
