"""The main job on a laptop: landing folder in, tested weekly fact out."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sandbox import thrift_server
from sandbox.lakes import expect_lake, expect_published
from sandbox.sample.__main__ import main as make_sample
from shelfweek.domain import Domain
from shelfweek.engine import Engine, prefix_of_schemas
from shelfweek.lake import folder_of, loaded_nights
from shelfweek.lake_format import expect_own_lake
from shelfweek.landing import Landing, LandingError, Night
from shelfweek.limits import Limits
from shelfweek.make_command import DEFAULT_DOMAIN, make_command
from shelfweek.night import DbtProject, NightError, Outcome, Progress, run_nights
from shelfweek.project import PROJECT
from shelfweek.rebuild import ALL, rebuild
from shelfweek.report import print_report, read_report

LARGE_DUMP = 50_000_000
"""Bytes of one night from which on the engine is started for long loops."""

LAST_LAKE = PROJECT / ".run" / "last_lake"


def run(
    console: Console,
    *,
    domain: Domain,
    landing_folder: Path | None,
    lake: Path,
    load_date: date | None,
    is_full_refresh: bool,
    limits: Limits,
) -> None:
    """Load one night, or all nights that the lake does not hold yet, and print what came of it.

    landing_folder: of the domain's dumps; None for a sample.

    Raises:
        LandingError, NightError, LakeError, EngineError, ThriftServerError: what is wrong; readers
            see the lake as before.
    """
    started = time.monotonic()
    expect_own_lake(f"file:{lake}")
    landing = Landing.scan(str(landing_folder or _sample(console, domain)), domain)
    remember(lake)

    progress = progress_on(console)
    project = DbtProject(Engine(prefix=prefix_of_schemas()), lake / "run" / "dbt")
    starting = engine_of(
        console,
        lake,
        java_options=java_options_for(landing),
        meanwhile=lambda: project.parse(progress),
    )
    with only_run(lake), starting as engine:
        project.engine = engine
        batches = _batches(engine, landing, load_date, is_full_refresh)
        outcomes: list[Outcome] = []
        failure: NightError | None = None
        for batch in batches:
            console.print(Text(f"\nNight {_span(batch)}", style="bold"))
            try:
                nights = [landing.open_night(day) for day in batch]
                outcomes.append(
                    run_nights(
                        nights,
                        landing,
                        project,
                        f"file:{lake}",
                        is_full_refresh=is_full_refresh,
                        limits=limits,
                        progress=progress,
                    )
                )
            except (LandingError, NightError) as error:
                failure = NightError(f"night {_span(batch)} was not published:\n{error}")
                break
        if not batches:
            console.print("Every night of this landing is loaded already.")
        console.print()
        if outcomes or not failure:
            report = read_report(
                engine,
                domain,
                [outcome.run_id for outcome in outcomes],
                [day for outcome in outcomes for day in outcome.load_dates],
            )
            print_report(console, report, outcomes)
        if not failure:
            tables = _tables_folder(engine, domain)
    if failure:
        raise failure
    _print_places(console, lake, domain, tables, time.monotonic() - started)


def rebuild_lake(console: Console, domain: Domain, lake: Path, first_day: date) -> None:
    """Rebuild a domain's published weeks from a day on, and print what came of it.

    Raises:
        NightError, LakeError, EngineError, ThriftServerError: what is wrong; readers see the lake
            as before.
    """
    started = time.monotonic()
    expect_lake(lake, domain)
    remember(lake)
    progress = progress_on(console)
    project = DbtProject(Engine(prefix=prefix_of_schemas()), lake / "run" / "dbt")
    starting = engine_of(console, lake, meanwhile=lambda: project.parse(progress))
    with only_run(lake), starting as engine:
        expect_published(engine, lake, domain)
        project.engine = engine
        since = "" if first_day == ALL else f" from {first_day} on"
        console.print(Text(f"\nRebuild{since}", style="bold"))
        outcome = rebuild(project, domain, f"file:{lake}", first_day, progress=progress)
        console.print()
        print_report(console, read_report(engine, domain, [outcome.run_id], []), [outcome])
        tables = _tables_folder(engine, domain)
    undo = make_command("rollback", domain=domain.name, LAKE=str(lake), RUN=outcome.run_id)
    console.print(f"To go back to before it: {undo}", soft_wrap=True)
    _print_places(console, lake, domain, tables, time.monotonic() - started)


def progress_on(console: Console) -> Progress:
    """Return what prints a line for each thing that was done."""

    def progress(what: str, seconds: float) -> None:
        console.print(f"{seconds:8.1f} s  {what}")

    return progress


@contextlib.contextmanager
def engine_of(
    console: Console,
    lake: Path,
    java_options: Sequence[str] = (),
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[Engine]:
    """The lake's server: the one that `make server` keeps up, or one for this moment.

    meanwhile: what to do while a server starts.
    """
    if server := thrift_server.attach(lake):
        yield Engine(port=server.port, prefix=prefix_of_schemas())
        return
    began = time.monotonic()
    with console.status("starting the Spark Thrift Server"), contextlib.ExitStack() as stack:
        server = stack.enter_context(
            thrift_server.running(lake, java_options=java_options, meanwhile=meanwhile)
        )
        kept = stack.pop_all()
    console.print(f"{time.monotonic() - began:8.1f} s  start the Spark Thrift Server")
    with kept:
        yield Engine(port=server.port, prefix=prefix_of_schemas())


def java_options_for(landing: Landing) -> tuple[str, ...]:
    """What the landing's size asks of the Java machine.

    Java's optimising compiler makes the inner loops about twice as fast and keeps a core busy for
    the first minute: that pays for large dumps only.
    """
    largest = max(landing.bytes_of(load_date) for load_date in landing.nights)
    return ("-XX:TieredStopAtLevel=4",) if largest > LARGE_DUMP else ()


@contextlib.contextmanager
def only_run(lake: Path) -> Iterator[None]:
    """Keep a second run off the lake.

    Raises:
        NightError: another run is at work on it.
    """
    try:
        (lake / "run").mkdir(parents=True, exist_ok=True)
        lock = (lake / "run" / "night.lock").open("w")
    except OSError as error:
        raise NightError(f"the lake {lake} cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NightError(f"another run is at work on {lake}: wait for it or stop it") from error
        yield


def remember(lake: Path) -> None:
    """Note the lake, so that make server, sql and the like need not be told."""
    LAST_LAKE.parent.mkdir(exist_ok=True)
    LAST_LAKE.write_text(f"{lake}\n", encoding="utf-8")


def last_lake() -> Path:
    """Return the lake that was used last; the default one at first."""
    if LAST_LAKE.exists():
        return Path(LAST_LAKE.read_text(encoding="utf-8").strip())
    return PROJECT / "lake"


def _sample(console: Console, domain: Domain) -> Path:
    """The sample landing, made at the first call.

    Raises:
        LandingError: the domain has no sample.
    """
    if domain.name != DEFAULT_DOMAIN:
        command = make_command("run", domain=domain.name, LANDING="folder")
        raise LandingError(f"domain {domain.name} has no sample dumps: name its own, {command}")
    folder = PROJECT / "landing"
    if not folder.exists():
        began = time.monotonic()
        draft = PROJECT / ".run" / "landing"
        draft.parent.mkdir(exist_ok=True)
        make_sample(["--to", str(draft), "--nights", "2"])
        draft.rename(folder)
        console.print(f"{time.monotonic() - began:8.1f} s  make sample dumps in {folder}")
    return folder


def _batches(
    engine: Engine, landing: Landing, load_date: date | None, is_full_refresh: bool
) -> list[list[date]]:
    """The nights to load: one run each, or one run for all of a full refresh."""
    if is_full_refresh:
        wanted = [night for night in landing.nights if load_date is None or night <= load_date]
        return [wanted] if wanted else []
    if load_date is not None:
        return [[load_date]]
    loaded = set(loaded_nights(engine, landing.domain))
    return [[night] for night in landing.nights if night not in loaded]


def _span(nights: list[date] | list[Night]) -> str:
    first, last = str(nights[0]), str(nights[-1])
    return first if first == last else f"{first} to {last}"


def _tables_folder(engine: Engine, domain: Domain) -> str:
    """Where the published tables lie: in an older lake, not in a folder of their domain."""
    with engine.session() as session:
        return folder_of(session, engine.schema(domain.name, "marts"))


def _print_places(
    console: Console, lake: Path, domain: Domain, tables: str, seconds: float
) -> None:
    docs = PROJECT / "target" / "static_index.html"
    export, sql = (
        make_command(target, domain=domain.name, LAKE=str(lake)) for target in ("export", "sql")
    )
    console.print()
    for line in (
        f"Tables: {tables}; plain parquet: {export} TO=<folder>",
        f"Look inside: {sql}",
        f"Docs: {docs if docs.exists() else 'make docs'}",
    ):
        console.print(line, soft_wrap=True)
    console.print(Text(f"Done in {seconds:.0f} s.", style="bold green"), highlight=False)
