"""Write what the metric catalog and dbt's manifest say into every file that says it again.

Label, description, format and SQL of a metric come from seeds/retail/metric_catalog.csv, and go
into the datasets here, models/metric_glossary.md and docs/metrics.md. Descriptions of datasets and
columns come from dbt's manifest for Athena, which has the views and, as sources, the published
tables. The first paragraph of a chart's description is the asset's own and stays, and so does what
docs/metrics.md says outside of its marked blocks.

    python -m superset.describe_assets            rewrite the files
    python -m superset.describe_assets --check    change nothing; exit code 1 if one has drifted
"""

from __future__ import annotations

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

from superset.metric_catalog import PROJECT, Metric, read_catalog
from superset.metric_pages import metric_pages

ASSETS = Path(__file__).parent / "assets"

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
            f"{metric.metric_name} ({metric.unit}): {metric.definition}"
            for column, metric in catalog.items()
            if column in shown
        ]
        return {**asset, "description": "\n\n".join([own, *lines])}
    return asset


def _table(name: str, manifest: Manifest) -> Any:
    """The view or published table of that name."""
    view = manifest.nodes.get(f"model.shelfweek.{name}")
    return view or manifest.sources[f"source.shelfweek.retail_published.{name}"]


def _column(column: Asset, table: Any, catalog: dict[str, Metric], manifest: Manifest) -> Asset:
    name = column["column_name"]
    described = dict(column)
    if block := manifest.docs.get(f"doc.shelfweek.{name}"):
        described["description"] = block.block_contents.strip()
    if name in catalog:
        described["verbose_name"] = catalog[name].metric_name
        described["description"] = catalog[name].definition
    if table and name in table.columns:
        described["description"] = table.columns[name].description.strip()
    return described


def _metric(metric: Asset, catalog: dict[str, Metric]) -> Asset:
    described = catalog.get(metric["metric_name"])
    if described is None:
        return metric
    return {
        "metric_name": described.column_name,
        "verbose_name": described.metric_name,
        "expression": described.expression,
        "metric_type": None,
        "d3format": described.number_format,
        "description": f"{described.definition}\n{described.roll_up_definition}",
        "warning_text": None,
    }


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        children: Iterable[object] = value.values() if isinstance(value, dict) else value
        for child in children:
            yield from _strings(child)


def drifted(manifest: Manifest) -> dict[Path, str]:
    """Return the assets that are not as they should be, with the text that they should have."""
    texts = {}
    for path in sorted(ASSETS.rglob("*.yaml")):
        asset = yaml.safe_load(path.read_text(encoding="utf-8"))
        texts[path] = dump(describe(path.relative_to(ASSETS).as_posix(), asset, manifest))
    return differing(texts)


def differing(texts: dict[Path, str]) -> dict[Path, str]:
    """Return the files that do not have the text that they should have."""
    return {
        path: text
        for path, text in texts.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def main() -> int:
    """Rewrite or check, and return the exit code."""
    is_check = "--check" in sys.argv[1:]
    pages = differing(metric_pages())
    if not is_check:
        # First of all: the manifest takes the columns' texts from the glossary.
        _write(pages)
    texts = drifted(parse_project())
    if not is_check:
        _write(texts)
    for path in (*pages, *texts):
        print(f"{'drifted' if is_check else 'rewritten'}: {path.relative_to(PROJECT)}")
    return int(is_check and bool(pages or texts))


def _write(texts: dict[Path, str]) -> None:
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
