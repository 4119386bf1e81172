"""A mail about a failure tells what failed, and no value of a row."""

from __future__ import annotations

import pytest

from shelfweek.engine import EngineError
from shelfweek.failures import LENGTH, without_values
from shelfweek.nightly_request import RequestError


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            EngineError("[CAST_INVALID_INPUT] The value 'Mrs Brown' of the type \"STRING\" is bad"),
            "EngineError: [CAST_INVALID_INPUT] The value ... of the type ... is bad",
        ),
        (
            EngineError("[NUMERIC_VALUE_OUT_OF_RANGE] 1234.5 cannot be Decimal(18, 4)"),
            "EngineError: [NUMERIC_VALUE_OUT_OF_RANGE] ... cannot be Decimal(..., ...)",
        ),
        (ValueError("row [12, Mrs Brown] is bad"), "ValueError: row ... is bad"),
        (ValueError("the night's file has 'O'Brien'"), "ValueError: the night's file has ..."),
        (ValueError("it is 'Mrs\nBrown', no number"), "ValueError: it is ..."),
        (ValueError("no sale\n12,Mrs Brown,4.50"), "ValueError: no sale"),
        (
            RequestError("the dump of 2026-11-20 lacks s3://lake/sales/sales_20261120_0.csv"),
            "RequestError: the dump of ... lacks s3://lake/sales/sales_20261120_0.csv",
        ),
        ("stopped by hand", "stopped by hand"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
    ],
)
def test_values_stay_in_the_log(failure: object, told: str) -> None:
    assert without_values(failure) == told


def test_a_line_without_end_is_cut() -> None:
    assert len(without_values("x" * 10_000)) == LENGTH
