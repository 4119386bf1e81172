"""The catalog of metrics: the texts, format and roll-up that every other place takes from it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CATALOG = PROJECT / "seeds" / "retail" / "metric_catalog.csv"

ROLL_UPS = {
    "sum": "{sum_of_numerator}",
    "ratio of sums": "{sum_of_numerator} / NULLIF({sum_of_denominator}, 0)",
    "1 - ratio of sums": "1 - {sum_of_numerator} / NULLIF({sum_of_denominator}, 0)",
    "average of week ends": (
        "{sum_of_numerator}\n"
        "/ NULLIF(COUNT(DISTINCT CASE WHEN {denominator} IS NOT NULL THEN week_end_date END), 0)"
    ),
    "ratio of counted sums": (
        "CASE WHEN SUM(CASE WHEN {numerator} IS NOT NULL THEN {denominator} END) > 0\n"
        "THEN {sum_of_numerator}\n"
        "/ CAST(SUM(CASE WHEN {numerator} IS NOT NULL THEN {denominator} END) AS DOUBLE)\n"
        "END"
    ),
}
"""SQL of each roll-up, for DuckDB and Athena. Sums become doubles, as Superset shows them."""


@dataclass(frozen=True)
class Metric:
    """A row of the catalog; seeds/retail/_retail__seeds.yml tells what its columns mean."""

    metric_number: str
    column_name: str
    metric_name: str
    unit: str
    number_format: str
    good_direction: str
    roll_up: str
    numerator: str
    denominator: str
    definition: str
    roll_up_definition: str

    @property
    def expression(self) -> str:
        """SQL of the metric over any rows of the fact.

        Raises:
            KeyError: the catalog names a roll-up that does not exist.
        """
        return ROLL_UPS[self.roll_up].format(
            numerator=self.numerator,
            denominator=self.denominator,
            sum_of_numerator=f"CAST(SUM({self.numerator}) AS DOUBLE)",
            sum_of_denominator=f"CAST(SUM({self.denominator}) AS DOUBLE)",
        )


def read_catalog() -> dict[str, Metric]:
    """Return the metrics by column name, in the catalog's order."""
    with CATALOG.open(encoding="utf-8", newline="") as file:
        metrics = [Metric(**row) for row in csv.DictReader(file)]
    return {metric.column_name: metric for metric in metrics}
