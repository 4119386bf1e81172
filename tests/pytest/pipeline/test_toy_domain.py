"""A second domain on the engine: other keys, signs, types and periods, beside retail or alone.

Its models lie in tests/toy. What the engine does for every domain is tested with it where retail
has nothing of the kind.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from dumps import LOAD_DATE, WORKED_SALES, WORKED_STOCK, night_tables
from lakes import Contents, Lake, domains_in
from reference.cases import write_dump
from rich.console import Console
from toys import FACT, project_with_toy, reading, write_toy_night

from shelfweek.domain import domain
from shelfweek.engine import Engine, Session
from shelfweek.lake import export, loaded_nights, rollback
from shelfweek.landing import Landing, LandingError
from shelfweek.limits import Limits
from shelfweek.night import DbtProject, register
from shelfweek.report import print_report, read_report

MARCH, APRIL = date(2026, 3, 5), date(2026, 4, 5)
METERS = ['M-1;"Mill; north"', "M-2;Dam"]
ANY_REJECTS = Limits(max_rejected_share=Decimal(1))

FIRST = {
    "meter": METERS,
    "reading_202601": [
        reading("01-30", "1,500"),
        reading("01-31", "2,25"),
        # Equal in all five columns of the key: once.
        reading("01-31", "2,25"),
        reading("01-31", "4", hour=9, estimated="true"),
        reading("01-31", "0,125", meter="M-2"),
        # One key, two values: neither counts.
        reading("01-15", "7", meter="M-2"),
        reading("01-15", "8", meter="M-2"),
        reading("01-16", "1.5"),
        reading("01-16", "1,2345", hour=10),
        reading("01-17", "1", estimated="yes"),
        reading("02-01", "1", hour=11),
        ";L1;night;2026-01-18;2026-01-18;1;0",
        "M-1;L1;night;2026-01-18;2026-1-18;1;0",
        "M-1;L1;night;2026-01-18",
    ],
    "reading_202602": [reading("02-01", "10"), reading("02-02", "20")],
}
SECOND = {
    "meter": [*METERS, "M-3;Weir"],
    # The whole of February, in which the second has no row any more.
    "reading_202602": [reading("02-01", "11"), reading("02-03", "3,001", meter="M-3")],
    "reading_202603": [reading("03-31", "30")],
}

JANUARY = {("M-1", "2026-01-01"): (3, "7.750", 1), ("M-2", "2026-01-01"): (1, "0.125", 0)}
AFTER_FIRST = {**JANUARY, ("M-1", "2026-02-01"): (2, "30.000", 0)}
AFTER_SECOND = {
    **JANUARY,
    ("M-1", "2026-02-01"): (1, "11.000", 0),
    ("M-3", "2026-02-01"): (1, "3.001", 0),
    ("M-1", "2026-03-01"): (1, "30.000", 0),
}

Fact = dict[tuple[str, str], tuple[int, str, int]]


@dataclass
class Story:
    """What readers of a lake with two domains see from one step to the next."""

    toy: Lake
    retail: Lake
    landing: Path
    facts: dict[str, Fact] = field(default_factory=dict)
    contents: dict[str, Contents] = field(default_factory=dict)
    of_retail: dict[str, tuple[Contents, set[Path]]] = field(default_factory=dict)
    before_toy: tuple[set[str], set[str]] = (set(), set())
    first_run: str = ""
    rebuilt: str = ""

    def note(self, step: str) -> None:
        """Read what there is now."""
        self.facts[step] = fact_of(self.toy)
        self.contents[step] = self.toy.contents()
        self.of_retail[step] = self.retail.contents(), folders_of(self.retail)


@pytest.fixture(scope="module")
def project(port: int, tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """Both domains in one dbt project."""
    folder = tmp_path_factory.mktemp("toy")
    home = project_with_toy(folder / "project")
    dbt = DbtProject(Engine(port=port, prefix="two_"), folder / "dbt", folder=home)
    dbt.parse(lambda what, seconds: None)
    return dbt


@pytest.fixture(scope="module")
def story(project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A lake folder of two domains: toy is loaded, restated, interrupted, rolled back, refreshed.

    The steps come one after another, as each takes half a minute.
    """
    folder = tmp_path_factory.mktemp("story")
    landing, lake = folder / "toy", folder / "lake"
    write_toy_night(landing, MARCH, **FIRST)
    write_toy_night(landing, APRIL, **SECOND)
    write_dump(folder / "retail", LOAD_DATE, night_tables(WORKED_SALES, WORKED_STOCK))
    toy = Lake(project.engine, lake, project, domain("toy", project.folder))
    story = Story(toy, Lake(project.engine, lake, project), landing)
    try:
        story.retail.load(folder / "retail")
        story.before_toy = domains_in(story.retail)
        (outcome,) = toy.load(landing, MARCH, limits=ANY_REJECTS)
        story.first_run = outcome.run_id
        story.note("first night")

        # As a kill leaves it: all is published, and the run does not stand among the runs.
        scanned = Landing.scan(str(landing), toy.domain)
        nights = [scanned.open_night(APRIL)]
        register(nights, scanned, project, toy.uri)
        built = project.invoke("build", "--select", *toy.domain.selectors, "--exclude", "toy__runs")
        assert built.is_success, built.errors
        story.note("interrupted")
        register(nights, scanned, project, toy.uri)
        story.note("undone")

        toy.load(landing, APRIL)
        story.note("second night")
        rollback(toy.engine, toy.domain, APRIL)
        assert loaded_nights(toy.engine, toy.domain) == [MARCH]
        story.note("rolled back")
        toy.full_refresh(landing, limits=ANY_REJECTS)
        story.note("refreshed")
        toy.load(landing, MARCH, limits=ANY_REJECTS)
        story.note("older night again")
        story.rebuilt = toy.rebuild(date(2026, 2, 10)).run_id
        story.note("rebuilt")
        yield story
    finally:
        toy.drop()
        story.retail.drop()


def fact_of(lake: Lake) -> Fact:
    """The fact's rows by meter and month: readings, energy, estimated readings."""
    return {
        (row["meter_code"], str(row["month"])): (
            row["readings"],
            str(row["energy"]),
            row["estimated_readings"],
        )
        for row in lake.rows(FACT)
    }


def folders_of(lake: Lake) -> set[Path]:
    """All folders of the lake's domain."""
    return {path for path in lake.home.rglob("*") if path.is_dir()}


def test_a_night_of_retail_alone_in_a_folder_builds_nothing_of_toy(story: Story) -> None:
    """The other way round: test_rebuild.py."""
    assert story.before_toy == ({"retail"}, {"retail"})


def test_rows_are_typed_and_judged_by_what_the_domain_declares(story: Story) -> None:
    assert story.facts["first night"] == AFTER_FIRST
    contents = story.contents["first night"]
    assert {str(row["last_read_at"]) for row in contents[FACT]} == {
        "2026-01-31 08:30:00", "2026-01-31 09:30:00", "2026-02-02 08:30:00",
    }  # fmt: skip
    assert [(row["meter_code"], row["place"]) for row in contents["dim_meter"]] == [
        ("M-1", "Mill; north"), ("M-2", "Dam"),
    ]  # fmt: skip
    key = "METER_CODE, PHASE, TARIFF, READ_ON, READ_AT"
    rejects = contents["rejected_rows"]
    assert Counter((row["reason"], row["column_name"], row["line_number"]) for row in rejects) == {
        ("conflicting_duplicate", key, 7): 1,
        ("conflicting_duplicate", key, 8): 1,
        ("bad_value", "ENERGY", 9): 1,
        ("bad_value", "ENERGY", 10): 1,
        ("bad_flag", "IS_ESTIMATED", 11): 1,
        ("outside_covered_dates", "READ_ON", 12): 1,
        ("missing_key", "METER_CODE", 13): 1,
        ("bad_value", "READ_AT", 14): 1,
        ("malformed_row", None, 15): 1,
    }
    (with_a_point,) = (row["raw_row"] for row in rejects if row["line_number"] == 9)
    assert with_a_point == reading("01-16", "1.5")


def test_every_row_is_accounted_for(story: Story) -> None:
    counts = {row["raw_table"]: row for row in story.contents["first night"]["load_row_counts"]}
    row = counts["reading"]
    accepted, duplicate, rejected = 6, 1, 9
    assert (row["rows_accepted"], row["rows_duplicate"], row["rows_rejected"]) == (
        accepted, duplicate, rejected,
    )  # fmt: skip
    assert row["rows_read"] == accepted + duplicate + rejected
    totals = story.toy.rows("load_coverage", "business_date = '2026-01-31'")
    assert [(row["row_count"], str(row["energy"])) for row in totals] == [(3, "6.375")]


def test_a_file_replaces_its_month_and_no_other(story: Story) -> None:
    assert story.facts["second night"] == AFTER_SECOND


def test_an_interrupted_publication_is_undone_before_the_next_run(story: Story) -> None:
    assert story.facts["interrupted"] == AFTER_SECOND
    assert story.contents["undone"] == story.contents["first night"]


def test_a_rollback_brings_back_what_was(story: Story) -> None:
    assert story.contents["rolled back"] == story.contents["first night"]


def test_a_refresh_an_older_night_after_it_and_a_rebuild_give_the_same_tables(story: Story) -> None:
    for step in ("refreshed", "older night again", "rebuilt"):
        assert story.contents[step] == story.contents["second night"], step


def test_a_rebuild_derives_months_from_its_first_day_on(story: Story) -> None:
    changed = story.toy.rows("runs", f"run_id = '{story.rebuilt}'")
    months = {str(row["partition_date"]) for row in changed if row["table_name"] == FACT}
    assert months == {"2026-02-01", "2026-03-01"}


def test_a_domain_touches_nothing_of_another_in_its_lake(story: Story) -> None:
    before = story.of_retail["first night"]
    assert before[0]["fct_weekly_sales_inventory"]
    for step, found in story.of_retail.items():
        assert found == before, step


def test_a_run_of_retail_touches_nothing_of_another_domain(story: Story) -> None:
    before = story.toy.contents(), folders_of(story.toy)
    landing = story.landing.parent / "retail"
    day = LOAD_DATE + timedelta(days=1)
    write_dump(landing, day, night_tables(WORKED_SALES, WORKED_STOCK))
    story.retail.load(landing, day)
    rollback(story.retail.engine, story.retail.domain, day)
    assert (story.toy.contents(), folders_of(story.toy)) == before
    assert story.retail.contents() == story.of_retail["first night"][0]


def test_a_domains_tables_are_exported(story: Story, tmp_path: Path) -> None:
    counts = export(story.toy.engine, story.toy.domain, f"file:{tmp_path}/out")
    assert counts[FACT] == len(AFTER_SECOND)
    files = f"'{tmp_path}/out/{FACT}/*.parquet'"
    with duckdb.connect() as reader:
        ((total,),) = reader.execute(f"select sum(energy) from {files}").fetchall()
    assert total == sum(Decimal(energy) for _, energy, _ in AFTER_SECOND.values())


def test_a_domain_has_a_section_of_its_own_in_the_report(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_section(session: Session, run_ids: Sequence[str]) -> list[str]:
        (row,) = session.query("select sum(energy) as energy from fct_monthly_energy")
        return [f"{row['energy']} kWh, {len(run_ids)} run"]

    def printed() -> str:
        report = read_report(story.toy.engine, story.toy.domain, [story.first_run], [MARCH])
        screen = StringIO()
        print_report(Console(file=screen, width=100), report, [])
        return screen.getvalue()

    assert "conflicting" in printed()
    assert "kWh" not in printed()
    own = SimpleNamespace(read_section=read_section)
    monkeypatch.setitem(sys.modules, "shelfweek.report.toy", own)
    assert "51.876 kWh, 1 run" in printed()


def test_a_file_without_its_month_is_refused_by_name(project: DbtProject, tmp_path: Path) -> None:
    write_toy_night(tmp_path, MARCH, meter=METERS, reading_202613=[])
    told = (
        "reading/load_date=2026-03-05/reading_20260305_202613.csv names no month: "
        "one like reading_20260305_202610.csv is expected"
    )
    with pytest.raises(LandingError, match=re.escape(told)):
        Landing.scan(str(tmp_path), domain("toy", project.folder)).open_night(MARCH)
