"""What `make try` prints of a difference."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

from rich.console import Console

from sandbox.trial import print_trial
from shelfweek.comparison import ColumnChange, Comparison, NewColumn
from shelfweek.trial import Difference, Trial


def printed(trial: Trial) -> str:
    """The output, on a wide screen."""
    screen = StringIO()
    print_trial(Console(file=screen, width=200, highlight=False, markup=False), trial)
    return screen.getvalue()


def test_numbers_have_separators_and_every_other_text_stands_as_it_is() -> None:
    key = {"store_key": 1}
    found = Comparison(
        *(1000, 1001, 2, 1, 3),
        columns=[
            ColumnChange(
                "amt", 3, Decimal("12345.5000"), None, key, "0.00001", "1E-7", is_number=True
            ),
            ColumnChange("name", 1, None, None, key, "null", "[red]", is_number=False),
        ],
        new_columns=[
            NewColumn("week", 0, "202601", "202653", is_number=True),
            NewColumn("code", 7, '{"a": 1}', "\x1b[2J", is_number=False),
        ],
        gone_columns=["old"],
        other_types={"qty": ("int", "bigint")},
    )
    text = printed(Trial(["int_x"], 2, [], [], [Difference("int_x", found)]))
    for told in (
        "1 model built, 2 tests passed.",
        "1,000 rows before, 1,001 now: 2 added, 1 removed, 3 changed.",
        "Column old is gone.",
        "Column qty was int and is bigint.",
        *("12,345.5000", "0.00001", "null", "[red]", "202,601", '{"a": 1}', "\\x1b[2J"),
    ):
        assert told in text, told


def test_a_new_model_and_an_equal_one_are_a_line_each() -> None:
    equal = Comparison(5, 5, 0, 0, 0)
    text = printed(Trial(["a", "b"], 0, [], [], [Difference("a", None), Difference("b", equal)]))
    assert "a is new: there is nothing to compare it with." in text
    assert "b against the last run: no difference in 5 rows." in text
