from __future__ import annotations

import pytest

from synthgen.filters.wrong_answers import input_equals_output
from synthgen.records import Record


@pytest.mark.parametrize(
    ("given", "output", "reason"),
    [
        ("The cat sat.", " The cat sat.\n", "input_equals_output"),
        ("", "Sing.", "output_repeats_instruction"),
        ("THE CAT", "the cat", None),
        ("", "", None),
        ("x", None, None),
        ("x", "y", None),
    ],
)
def test_repeated_texts(given: str, output: str | None, reason: str | None) -> None:
    drop = input_equals_output(Record(instruction="Sing.", input=given, output=output))
    assert (drop.reason if drop else None) == reason
