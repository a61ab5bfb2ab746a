from __future__ import annotations

import pytest

from synthgen.filters.wording import openings
from synthgen.records import Record


@pytest.mark.parametrize(
    ("instruction", "kept", "kept_faithfully"),
    [
        ("Write a program to add numbers.", False, False),
        ("write a  program", False, True),
        (" Write a program", False, True),
        ("Write a programme for the concert.", True, False),
        ("Please write a program", True, True),
    ],
)
def test_published_opening(instruction: str, kept: bool, kept_faithfully: bool) -> None:
    record = Record(instruction=instruction)
    assert (openings(record) is None) == kept
    assert (openings(record, faithful=True) is None) == kept_faithfully


def test_reason_and_own_openings() -> None:
    drop = openings(Record(instruction="x", output="Sure, here it is"), openings=("Sure", "当然"), field="output")
    assert drop is not None
    assert drop.reason == "unwanted_opening"
    assert openings(Record(instruction="x", output="当然可以"), openings=("Sure", "当然"), field="output") is not None
    assert openings(Record(instruction="x", output="Surely not"), openings=("Sure",), field="output") is None
