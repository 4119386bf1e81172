"""What dbt puts into a template, for sqlfluff: with it the project's own macros expand offline.

sqlfluff makes every name of this module known to the templates; its own stand-ins for ref, source,
config and return do the rest.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from jinja2.runtime import Macro
from sqlfluff.core.templaters.builtins.dbt import MacroReturn

_PROJECT = Path(__file__).resolve().parents[3]
_SOURCES = _PROJECT / "models" / "staging" / "retail" / "_retail__sources.yml"
_MARTS = _PROJECT / "models" / "marts" / "retail"

execute = True
model = SimpleNamespace(fqn=["shelfweek", "staging", "retail"], resource_type="model")
target = SimpleNamespace(schema="")
flags = SimpleNamespace(WHICH="lint")
modules = SimpleNamespace(re=re)


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def _source_nodes() -> dict[str, SimpleNamespace]:
    """The source tables as dbt's graph holds them, as far as the macros look at them."""
    nodes = {}
    for source in _read(_SOURCES)["sources"]:
        for table in source["tables"]:
            columns = {
                column["name"]: SimpleNamespace(
                    name=column["name"],
                    data_type=column["data_type"],
                    meta=column.get("config", {}).get("meta", {}),
                )
                for column in table["columns"]
            }
            nodes[f"{source['name']}.{table['name']}"] = SimpleNamespace(
                fqn=[*model.fqn, source["name"], table["name"]],
                source_name=source["name"],
                name=table["name"],
                meta=table.get("config", {}).get("meta", {}),
                columns=columns,
            )
    return nodes


def _published_nodes() -> dict[str, SimpleNamespace]:
    """The published tables as dbt's graph holds them, as far as the macros look at them."""
    return {
        published["name"]: SimpleNamespace(
            alias=published["name"],
            fqn=["shelfweek", "marts", "retail", published["name"]],
            resource_type="model",
            config=SimpleNamespace(
                materialized="published",
                partition_by=published.get("config", {}).get("partition_by"),
            ),
        )
        for file in sorted(_MARTS.glob("*.yml"))
        for published in _read(file)["models"]
    }


graph = SimpleNamespace(sources=_source_nodes(), nodes=_published_nodes())


def var(name: str) -> Any:
    """A variable's value in dbt_project.yml."""
    return _read(_PROJECT / "dbt_project.yml")["vars"][name]


def run_query(sql: str) -> list[tuple[str, str]]:
    """The one answer that models need of the engine while they compile: where a table lies."""
    if sql.split()[0] != "describe":
        raise ValueError(f"no stand-in answers: {sql}")
    return [("Location", "/lake/folder")]


def _ends_with_return(invoke: Callable[..., Any]) -> Callable[..., Any]:
    """Let `return` end the macro that it stands in, as in dbt.

    sqlfluff does so for macros that a model calls; in a macro that another macro of the same file
    calls, `return` would end the outer one.
    """

    def invoke_until_return(*arguments: Any) -> Any:
        try:
            return invoke(*arguments)
        except MacroReturn as returned:
            return returned.value

    return invoke_until_return


Macro._invoke = _ends_with_return(Macro._invoke)  # type: ignore[method-assign]
