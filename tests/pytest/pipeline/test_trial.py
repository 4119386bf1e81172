"""A changed model is built beside the lake's tables and compared with what is published."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from lakes import Contents, Lake
from projects import change
from toys import FACT, project_with_toy, reading, write_toy_night

from shelfweek.domain import domain
from shelfweek.engine import Engine
from shelfweek.lake import rollback
from shelfweek.night import PUBLISHED, DbtProject
from shelfweek.trial import Trial, TrialError, trial_project, try_models

FIRST, SECOND = date(2026, 3, 5), date(2026, 4, 5)
CANDIDATE = "int_monthly_energy_aggregated"
MODEL = f"models/intermediate/toy/{CANDIDATE}.sql"
KEY = f"""
models:
  - name: {CANDIDATE}
    data_tests:
      - primary_key:
          arguments:
            columns: [meter_code, month]
"""


@dataclass
class Workshop:
    """A lake, and the project in which its models are changed."""

    lake: Lake
    home: Path
    folder: Path
    before: Contents

    def attempt(self, *names: str) -> Trial:
        """Try models."""
        project = trial_project(self.lake.engine, self.folder / "try", self.home)
        state = self.lake.project.work_folder / PUBLISHED / "toy"
        return try_models(project, self.lake.domain, state, self.folder / "tables", names)

    @contextlib.contextmanager
    def changed(self, old: str, new: str) -> Iterator[None]:
        """Change the fact's candidate for a while."""
        change(self.home, {MODEL: [(old, new)]})
        try:
            yield
        finally:
            change(self.home, {MODEL: [(new, old)]})


@pytest.fixture(scope="module")
def workshop(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A lake of two nights, the newer of which brought two months."""
    folder = tmp_path_factory.mktemp("tried")
    home = project_with_toy(folder / "project")
    (home / "models/intermediate/toy/_key.yml").write_text(KEY, encoding="utf-8")
    landing = folder / "landing"
    write_toy_night(landing, FIRST, meter=["M-1;Mill"], reading_202601=[reading("01-30", "1")])
    write_toy_night(
        landing, SECOND,
        meter=["M-1;Mill", "M-2;Dam"],
        reading_202602=[reading("02-01", "4"), reading("02-02", "5", meter="M-2")],
        reading_202603=[reading("03-31", "6")],
    )  # fmt: skip
    engine = Engine(port=port, prefix="tried_")
    dbt = DbtProject(engine, folder / "dbt", folder=home)
    lake = Lake(engine, folder / "lake", dbt, domain("toy", home))
    lake.load(landing)
    yield Workshop(lake, home, folder, lake.contents())
    lake.drop()


def test_an_unchanged_model_makes_no_difference(workshop: Workshop) -> None:
    trial = workshop.attempt(CANDIDATE)
    (difference,) = trial.differences
    assert trial.models == [CANDIDATE]
    assert not trial.failures
    assert trial.tests_passed
    assert difference.comparison
    assert difference.comparison.is_equal
    # The month of the first night is not built again.
    assert difference.comparison.rows_now == 3
    assert len(workshop.before[FACT]) == 4


def test_a_change_is_found_built_and_compared_and_nothing_is_published(workshop: Workshop) -> None:
    old = "    sum(readings.energy) as energy,\n"
    new = (
        "    sum(readings.energy) + if(readings.meter_code = 'M-2', 1, 0) as energy,\n"
        "    min(readings.read_at) as first_read_at,\n"
    )
    with workshop.changed(old, new):
        trial = workshop.attempt()
    (difference,) = trial.differences
    assert trial.models == [CANDIDATE]
    assert difference.comparison
    (changed,) = difference.comparison.columns
    assert (changed.name, changed.rows, changed.before, changed.now) == (
        "energy",
        1,
        "5.000",
        "6.000",
    )
    assert changed.key == {"meter_code": "M-2", "month": "2026-02-01"}
    assert [column.name for column in difference.comparison.new_columns] == ["first_read_at"]
    assert [
        re.search("monthly energy equals", failure) is not None for failure in trial.failures
    ] == [True]
    assert workshop.lake.contents() == workshop.before


def test_a_month_that_loses_all_its_rows_is_missed(workshop: Workshop) -> None:
    old = "group by readings.meter_code, months.month\n"
    new = old + "having months.month < date'2026-03-01'\n"
    with workshop.changed(old, new):
        trial = workshop.attempt(CANDIDATE)
    (difference,) = trial.differences
    assert difference.comparison
    assert difference.comparison.removed == 1


def test_a_project_that_was_parsed_again_hides_no_change(workshop: Workshop) -> None:
    """As make run does that finds nothing to load."""
    old = "    sum(readings.energy) as energy,\n"
    with workshop.changed(old, old.replace("sum", "max")):
        workshop.lake.project.invoke("parse")
        assert workshop.attempt().models == [CANDIDATE]


def test_what_depends_on_a_model_is_built_too(workshop: Workshop) -> None:
    trial = workshop.attempt("int_months_touched")
    assert set(trial.models) == {"int_months_touched", CANDIDATE}
    (found,) = (each.comparison for each in trial.differences if each.model == CANDIDATE)
    assert found
    assert found.rows_before == 3


def test_a_published_table_is_tried_by_its_candidate(workshop: Workshop) -> None:
    assert workshop.attempt(FACT).models == [CANDIDATE]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("int_month_touched", "there is no model 'int_month_touched'; near it: int_months_touched"),
        ("base_toy__reading", "base_toy__reading_loads keeps the rows of every run"),
        ("toy__runs", "toy__runs is what a run notes of itself: there is nothing to try"),
        ("", "no model has changed since the last run: name one, MODEL=<model>"),
    ],
)
def test_what_cannot_be_tried_is_refused(workshop: Workshop, name: str, told: str) -> None:
    with pytest.raises(TrialError, match=re.escape(told)):
        workshop.attempt(*([name] if name else []))


def test_a_run_that_was_rolled_back_is_no_state_to_compare_with(workshop: Workshop) -> None:
    rollback(workshop.lake.engine, workshop.lake.domain, SECOND)
    with pytest.raises(TrialError, match="was not published, or was rolled back"):
        workshop.attempt(CANDIDATE)
