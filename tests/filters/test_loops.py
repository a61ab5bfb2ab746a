from __future__ import annotations

import pytest

from synthgen.filters.incomplete import loops
from synthgen.records import Record

# the second is a reply of SmolLM2
LOOPS = [
    "Borrowed Time: Borrowed Time Borrowed Time",
    "You can't find your house? The next day. You're not allowed to drive your car. You can't drive your car."
    " You can't drive your car. You can't drive your car. You can't drive your car.",
    "1. Wash the red car\n2. Wash the red car\n3. Wash the red car",
    "我不知道。我不知道。我不知道。",
    "the cat and the cat and the cat and the cat",
]
FINE = [
    "Positive\nPositive\nPositive",
    "no, no, no, no, no",
    "1 0 1 0 1 0 1 0",
    "I came. I saw. I won.",
    "The sea is calm. The sea is calm. It is a day on which nobody speaks, and the boats lie still in the harbour.",
    "```\nprint the line now\nprint the line now\nprint the line now\n```",
    "",
]


@pytest.mark.parametrize("output", LOOPS)
def test_loops_are_dropped(output: str) -> None:
    drop = loops(Record(instruction="Tell me more.", output=output))
    assert drop is not None
    assert drop.reason == "looping"
    assert loops(Record(instruction="Tell me more.", output=output), times=9) is None
    assert loops(Record(instruction=output), field="instruction") is not None
    assert loops(Record(instruction="Write a chant.", output=output)) is None


@pytest.mark.parametrize("output", FINE)
def test_what_may_repeat_passes(output: str) -> None:
    assert loops(Record(instruction="Tell me more.", output=output)) is None


def test_as_many_labels_as_there_are_lines_pass() -> None:
    labels = "It is not spam\nIt is not spam\nIt is not spam"
    assert loops(Record(instruction="Spam or not?", input="a\nb\nc", output=labels)) is None
    assert loops(Record(instruction="Spam or not?", input="a", output=labels)) is not None
    assert loops(Record(instruction="x")) is None
