"""The commands behind the Makefile: `python -m sandbox --help`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyspark
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox import places, spark_command, thrift_server
from sandbox.command import Parser, add_debug, add_domain, run_command
from sandbox.lakes import expect_lake, expect_published, has_tables
from sandbox.run import engine_of, last_lake, only_run, rebuild_lake, remember, run
from sandbox.trial import try_on_lake
from shelfweek.engine import Engine, EngineError
from shelfweek.lake import LakeError, export, rollback
from shelfweek.lake_format import expect_own_lake
from shelfweek.landing import LandingError
from shelfweek.limits import Limits, LimitsError, share_of
from shelfweek.night import DbtProject, NightError, failed
from shelfweek.printable import printable
from shelfweek.project import PROJECT
from shelfweek.rebuild import ALL
from shelfweek.trial import TrialError

# Plain dbt finds it in the project folder; `make stop` removes it.
PROFILES = PROJECT / "profiles.yml"

_ERRORS = (
    *(LandingError, NightError, LakeError, TrialError, EngineError),
    thrift_server.ThriftServerError,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    return run_command(
        lambda console: options.command(console, options),
        _ERRORS,
        "Readers see whole weeks only; the next make run finishes the night.",
        is_debug=options.debug,
        log_folder=options.lake / "run",
    )


def _run(console: Console, options: argparse.Namespace) -> None:
    run(
        console,
        domain=options.domain,
        landing_folder=options.landing,
        lake=options.lake,
        load_date=options.load_date,
        is_full_refresh=options.full_refresh,
        limits=Limits(options.max_rejected_share, options.accept_shrink),
    )


def _rebuild(console: Console, options: argparse.Namespace) -> None:
    rebuild_lake(console, options.domain, options.lake, options.first_day)


def _try(console: Console, options: argparse.Namespace) -> None:
    try_on_lake(console, options.domain, options.lake, options.models)


def _server(console: Console, options: argparse.Namespace) -> None:
    expect_own_lake(f"file:{options.lake}")
    server = thrift_server.attach(options.lake) or thrift_server.start(options.lake, detached=True)
    remember(options.lake)
    template = (PROJECT / "profiles" / "profiles.yml").read_text(encoding="utf-8")
    PROFILES.write_text(
        template.replace(
            "'SHELFWEEK_THRIFT_PORT', '10001'", f"'SHELFWEEK_THRIFT_PORT', '{server.port}'"
        ),
        encoding="utf-8",
    )
    console.print(f"The engine of {options.lake} is up on 127.0.0.1:{server.port}.")
    console.print("  make try MODEL=<model>")
    console.print("  source .venv/bin/activate && dbt build -s <model>+")
    console.print('  make sql Q="show tables"')
    console.print("  make stop")


def _stop(console: Console, options: argparse.Namespace) -> None:
    PROFILES.unlink(missing_ok=True)
    if server := thrift_server.attach(options.lake):
        server.stop()
        console.print(f"Stopped the engine of {options.lake}.")
    else:
        console.print(f"No engine of {options.lake} was up.")


def _sql(console: Console, options: argparse.Namespace) -> None:
    expect_lake(options.lake, options.domain)
    with engine_of(console, options.lake) as engine:
        if not has_tables(engine, options.domain):
            expect_published(engine, options.lake, options.domain)
        marts = engine.schema(options.domain.name, "marts")
        if not options.query:
            _beeline(engine, marts)
            return
        with engine.session() as session:
            session.execute(f"use {marts}")
            rows = session.query(options.query)
    if not rows:
        console.print("no rows")
        return
    table = Table()
    for name in rows[0]:
        table.add_column(Text(printable(name)), overflow="fold")
    for row in rows:
        values = ("" if value is None else printable(str(value)) for value in row.values())
        table.add_row(*map(Text, values))
    console.print(table)
    console.print(f"{len(rows):,} rows")


def _beeline(engine: Engine, schema: str) -> None:
    """Open Spark's own prompt on a schema."""
    jars = Path(pyspark.__file__).parent / "jars" / "*"
    url = f"jdbc:hive2://{engine.host}:{engine.port}/{schema}"
    subprocess.run(  # noqa: S603
        [spark_command.JAVA, "-cp", jars, "org.apache.hive.beeline.BeeLine", "-u", url], check=False
    )


def _rollback(console: Console, options: argparse.Namespace) -> None:
    expect_lake(options.lake, options.domain)
    with only_run(options.lake), engine_of(console, options.lake) as engine:
        expect_published(engine, options.lake, options.domain)
        undone = rollback(engine, options.domain, options.load_date or options.run)
    for row in undone:
        console.print(f"undone: run {row['run_id']}, newest night {row['last_load_date']}")
    console.print(
        f"Readers see the lake as it was before {options.load_date or options.run}. "
        "The next make run loads again what these runs have loaded."
    )


def _export(console: Console, options: argparse.Namespace) -> None:
    expect_lake(options.lake, options.domain)
    try:
        options.to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LakeError(f"{options.to} cannot be written to: {error.strerror}") from error
    with engine_of(console, options.lake) as engine:
        expect_published(engine, options.lake, options.domain)
        counts = export(engine, options.domain, f"file:{options.to}")
    for table, rows in counts.items():
        console.print(f"{rows:12,} rows  {options.to / table}", soft_wrap=True)


def _docs(console: Console, options: argparse.Namespace) -> None:
    expect_lake(options.lake, options.domain)
    with engine_of(console, options.lake) as engine:
        expect_published(engine, options.lake, options.domain)
        project = DbtProject(engine, PROJECT)
        made = project.invoke(
            "docs",
            "generate",
            "--static",
            "--select",
            *(f"+{selector}" for selector in options.domain.selectors),
        )
    if not made.is_success:
        raise failed("the docs could not be made", project, made)
    console.print(f"Docs: {PROJECT / 'target' / 'static_index.html'}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=function)
        added.add_argument(
            "--lake",
            type=places.lake,
            default=PROJECT / "lake" if name == "run" else last_lake(),
            help="folder of the lake (default: %(default)s)",
        )
        add_debug(added)
        return added

    running = command("run", _run, "load nights into a lake, test and publish them")
    add_domain(running)
    running.add_argument(
        "--landing", type=places.landing,
        help="landing folder (default: a sample, made at first use)",
    )  # fmt: skip
    running.add_argument(
        "--load-date", type=_date, metavar="YYYY-MM-DD",
        help="load this night only (default: all nights that the lake does not hold yet)",
    )  # fmt: skip
    running.add_argument(
        "--full-refresh", action="store_true",
        help="rebuild the lake from all nights up to the load date, in one run",
    )  # fmt: skip
    running.add_argument(
        "--max-rejected-share", type=_share, metavar="SHARE",
        help="let this share of a table's rows be rejected: 0.05 is 5 %%",
    )  # fmt: skip
    running.add_argument(
        "--accept-shrink", action="store_true",
        help="publish although a published business date would lose most of its rows",
    )  # fmt: skip
    rebuilding = command(
        "rebuild", _rebuild, "derive weeks again from the rows that lie staged, test, publish them"
    )
    add_domain(rebuilding)
    rebuilding.add_argument(
        "--from", type=_date, metavar="YYYY-MM-DD", dest="first_day", default=ALL,
        help="begin with the week that holds this day (default: all weeks)",
    )  # fmt: skip
    trying = command(
        "try", _try, "build models beside the lake's tables, test them and compare the rows"
    )
    add_domain(trying)
    trying.add_argument(
        "models", nargs="*", metavar="MODEL",
        help="a model's name (default: the models that have changed since the last run)",
    )  # fmt: skip
    command("server", _server, "keep the lake's engine up, for dbt and SQL")
    command("stop", _stop, "stop the lake's engine")
    sql = command("sql", _sql, "run a query on the lake, or open a prompt")
    add_domain(sql)
    sql.add_argument("query", nargs="?", help="the statement (default: open a prompt)")
    back = command("rollback", _rollback, "put the published tables back to before a run")
    add_domain(back)
    before = back.add_mutually_exclusive_group(required=True)
    before.add_argument("--load-date", type=_date, metavar="YYYY-MM-DD", help="a night's first run")
    before.add_argument("--run", metavar="ID", help="any run of table runs")
    add_domain(command("docs", _docs, "write the docs site of the models, one page"))
    out = command("export", _export, "write the published tables as plain parquet")
    add_domain(out)
    out.add_argument(
        "--to", type=places.output, required=True, help="folder to write to, one folder a table"
    )
    return parser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-11-20") from error


def _share(text: str) -> Decimal:
    try:
        return share_of(text)
    except LimitsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
