from __future__ import annotations

import pytest

from synthgen.filters.incomplete import empty
from synthgen.records import Record


@pytest.mark.parametrize(
    ("instruction", "output", "reason"),
    [
        (" \n", "x", "empty_instruction"),
        ("\u200b", "x", "empty_instruction"),
        ("Do it.", "", "empty_output"),
        ("Do it.", "\u200d\ufeff \n", "empty_output"),
        ("Do it.", "N/A", "placeholder_output"),
        ("Do it.", "n/a.", "placeholder_output"),
        ("Do it.", "<noinput>", "placeholder_output"),
        ("Do it.", "**No output**", "placeholder_output"),
        ("Write n/a where the city is missing.", "N/A", None),
        ("Which of these are prime?", "None", None),
        ("What is the symbol of sodium?", "Na", None),
        ("Which mark is missing?", "?", None),
        ("Do it.", None, None),
        ("做吧", "好", None),
    ],
)
def test_nothing_and_what_stands_for_it(instruction: str, output: str | None, reason: str | None) -> None:
    drop = empty(Record(instruction=instruction, output=output))
    assert (drop.reason if drop else None) == reason


def test_an_output_may_be_required() -> None:
    drop = empty(Record(instruction="x"), output_required=True)
    assert drop is not None
    assert drop.reason == "no_output"
    assert empty(Record(instruction="x", output="y"), output_required=True) is None
