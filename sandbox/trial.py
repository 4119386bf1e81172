"""`make try`: what a change of a model does to its rows, before anything is published."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.lakes import expect_lake, expect_published
from sandbox.run import engine_of, only_run, progress_on
from shelfweek.comparison import ColumnChange, NewColumn
from shelfweek.domain import Domain
from shelfweek.engine import Engine, prefix_of_schemas
from shelfweek.night import PUBLISHED, NightError
from shelfweek.printable import printable
from shelfweek.trial import Difference, Trial, trial_project, try_models


def try_on_lake(console: Console, domain: Domain, lake: Path, names: Sequence[str]) -> None:
    """Build and test models beside a lake's tables, and print how their rows differ.

    names: of the models; none: those that have changed since the last run.

    Raises:
        TrialError, NightError, LakeError, EngineError, ThriftServerError: what is wrong.
    """
    started = time.monotonic()
    expect_lake(lake, domain)
    progress = progress_on(console)
    run = lake / "run"
    project = trial_project(Engine(prefix=prefix_of_schemas()), run / "trial" / "dbt")
    starting = engine_of(console, lake, meanwhile=lambda: project.parse(progress))
    with only_run(lake), starting as engine:
        expect_published(engine, lake, domain)
        project.engine = engine
        state, tables = run / "dbt" / PUBLISHED / domain.name, run / "trial" / "tables"
        trial = try_models(project, domain, state, tables, names, progress)
    print_trial(console, trial)
    if trial.failures:
        raise NightError("\n".join(trial.failures))
    console.print(f"Nothing was published. Done in {time.monotonic() - started:.0f} s.")


def print_trial(console: Console, trial: Trial) -> None:
    """Print what was built and how its rows differ."""
    console.print()
    for warning in trial.warnings:
        console.print(Text(f"Warning: {warning}"), soft_wrap=True)
    models = "1 model" if len(trial.models) == 1 else f"{len(trial.models)} models"
    console.print(f"{models} built, {trial.tests_passed} tests passed.")
    for difference in trial.differences:
        console.print()
        _print_difference(console, difference)


def _print_difference(console: Console, difference: Difference) -> None:
    found = difference.comparison
    if found is None:
        console.print(Text(f"{difference.model} is new: there is nothing to compare it with."))
        return
    title = f"{difference.model} against the last run"
    if found.is_equal:
        console.print(Text(f"{title}: no difference in {found.rows_now:,} rows."))
        return
    console.print(Text(title, style="bold"))
    console.print(
        f"{found.rows_before:,} rows before, {found.rows_now:,} now: {found.added:,} added, "
        f"{found.removed:,} removed, {found.changed:,} changed."
    )
    for name in found.gone_columns:
        console.print(Text(f"Column {name} is gone."))
    for name, (before, now) in found.other_types.items():
        console.print(Text(f"Column {name} was {before} and is {now}."))
    if found.new_columns:
        console.print(_table_of_new(found.new_columns))
    if found.columns:
        console.print(_table_of_changes(found.columns))


def _table_of_new(columns: Sequence[NewColumn]) -> Table:
    table = _table("new column", "without a value", "lowest", "highest")
    for column in columns:
        table.add_row(
            column.name,
            f"{column.nulls:,}",
            *(_told(value, column.is_number) for value in (column.lowest, column.highest)),
        )
    return table


def _table_of_changes(columns: Sequence[ColumnChange]) -> Table:
    table = _table("column", "rows changed", "sum before", "sum now", "most changed: before", "now")
    table.add_column(f"where: {', '.join(columns[0].key)}", overflow="fold")
    for column in columns:
        table.add_row(
            column.name,
            f"{column.rows:,}",
            *(
                _told(value, column.is_number)
                for value in (column.sum_before, column.sum_now, column.before, column.now)
            ),
            Text(", ".join(str(value) for value in column.key.values())),
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _told(value: Any, is_number: bool) -> Text:
    """A value for a table, numbers with separators."""
    if value is None:
        return Text("-")
    return Text(f"{Decimal(str(value)):,}" if is_number else printable(str(value)))
