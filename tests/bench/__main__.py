"""Measure the main job and print ratios: `make bench`, `make bench N=7`.

Absolute times depend on the machine and on what else it does; each ratio pairs two things that were
measured in the same minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from sandbox import thrift_server
from sandbox.run import java_options_for
from sandbox.sample.__main__ import main as make_sample
from shelfweek.contract import PROJECT
from shelfweek.engine import Engine
from shelfweek.landing import Landing
from shelfweek.night import DbtProject, run_nights

sys.path.insert(0, str(PROJECT / "tests" / "pytest"))
from reference import fast_fact

DAYS = 50
PRODUCTS = 500


def main() -> None:
    """Run the benchmarks and print one table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--millions", type=float, default=7.0,
        help="rows of sales and inventory for the full build, in millions (default: %(default)s)",
    )  # fmt: skip
    options = parser.parse_args()
    console = Console(highlight=False)
    table = Table(title="Benchmarks", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("against", justify="right")
    table.add_column("ratio", justify="right")
    with tempfile.TemporaryDirectory(prefix="shelfweek-bench-") as folder:
        full_build(Path(folder), options.millions, table)
        console.print(table)
        history(Path(folder), table)
    console.print(table)


def full_build(folder: Path, millions: float, table: Table) -> None:
    """One night of many rows: the pipeline against DuckDB's plain SQL from the same CSV files."""
    landing_folder = folder / "large"
    # About seven of ten rows are inventory; each store has 500 products on 50 days.
    stores = max(1, round(millions * 1e6 / (PRODUCTS * DAYS * 1.4)))
    make_sample(
        [
            *("--to", str(landing_folder), "--clean", "--nights", "1", "--days", str(DAYS)),
            *("--stores", str(stores), "--products", str(PRODUCTS)),
        ]
    )
    landing = Landing.scan(str(landing_folder))
    night = landing.nights[0]
    rows = sum(
        file.row_count or 0
        for file in landing.open_night(night).files
        if file.table in ("sales", "inventory")
    )
    with duckdb.connect() as connection:
        connection.execute("set threads to 2")
        peer = _seconds(lambda: fast_fact(landing_folder, night, connection).fetchall())
    lake = folder / "large_lake"
    started = time.monotonic()
    with thrift_server.running(lake, java_options=java_options_for(landing)) as server:
        ready = time.monotonic()
        project = DbtProject(Engine(port=server.port), lake / "run" / "dbt")
        run_nights([landing.open_night(night)], landing, project, f"file:{lake}")
        ended = time.monotonic()
    wall = ended - started
    engine = _engine_seconds(lake / "run" / "dbt" / "target" / "run_results.json")
    table.add_row(
        f"(a) {rows / 1e6:.1f} M rows of CSV to the tested fact, against DuckDB",
        f"{ended - ready:.1f} s", f"{peer:.1f} s", f"{(ended - ready) / peer:.1f}",
    )  # fmt: skip
    table.add_row(
        "(c) of that night, start of the server included, in the engine",
        f"{engine:.1f} s", f"{wall:.1f} s", f"{engine / wall:.2f}",
    )  # fmt: skip


def history(folder: Path, table: Table) -> None:
    """The same new night on a short history and on one ten times as long."""
    seconds = {}
    for days in (40, 400):
        landing_folder = folder / f"history_{days}"
        make_sample(["--to", str(landing_folder), "--nights", "3", "--days", str(days)])
        landing = Landing.scan(str(landing_folder))
        lake = folder / f"history_lake_{days}"
        with thrift_server.running(lake, java_options=java_options_for(landing)) as server:
            project = DbtProject(Engine(port=server.port), lake / "run" / "dbt")
            for night in landing.nights:
                opened = landing.open_night(night)
                # The last one counts: by then the engine is as warm in both lakes.
                seconds[days] = run_nights([opened], landing, project, f"file:{lake}").seconds
    table.add_row(
        "(b) a night on 400 days of history, against 40 days",
        f"{seconds[400]:.1f} s", f"{seconds[40]:.1f} s", f"{seconds[400] / seconds[40]:.2f}",
    )  # fmt: skip


def _seconds(function: Callable[[], object]) -> float:
    started = time.monotonic()
    function()
    return time.monotonic() - started


def _engine_seconds(run_results: Path) -> float:
    """Seconds in which at least one node of the build was at work on the server."""
    spans = sorted(
        (
            datetime.fromisoformat(timing["started_at"]),
            datetime.fromisoformat(timing["completed_at"]),
        )
        for result in json.loads(run_results.read_text(encoding="utf-8"))["results"]
        for timing in result["timing"]
        if timing["name"] == "execute"
    )
    total, until = 0.0, spans[0][0]
    for start, end in spans:
        if end > until:
            total += (end - max(start, until)).total_seconds()
            until = end
    return total


if __name__ == "__main__":
    main()
