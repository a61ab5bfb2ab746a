from __future__ import annotations

import random

import pytest

from synthgen import families
from synthgen.filters.wrong_answers import verify
from synthgen.records import Message, Record

SUM = "What is 12 + 5 * 3?"
POEM = Record(instruction="Write a poem about rain.", output="Rain, rain.")


def test_a_right_answer_is_kept() -> None:
    assert verify(Record(instruction=SUM, output="27")) is None
    assert verify(Record(instruction=SUM, output="27"), unrecognised="drop") is None


def test_a_wrong_answer_is_dropped_with_the_right_one() -> None:
    drop = verify(Record(instruction=SUM, output="51"))
    assert drop is not None
    assert (drop.reason, drop.detail) == ("wrong_answer", "arithmetic: expected 27")


def test_a_record_without_an_answer_is_dropped_only_where_all_has_to_be_proved() -> None:
    for task in (Record(instruction=SUM), Record(instruction=POEM.instruction)):
        assert verify(task) is None
        drop = verify(task, unrecognised="drop")
        assert drop is not None
        assert drop.reason == "unanswered"


@pytest.mark.parametrize(
    "record",
    [
        POEM,
        Record(instruction=SUM, output="The result of this sum is 27."),
        Record(instruction=SUM, output='{"name": "add"}', tools=({"type": "function"},)),
        Record(instruction=SUM, output="51", history=(Message(role="user", content="Let + mean times."),)),
    ],
)
def test_what_no_program_can_judge_is_kept_unless_told_otherwise(record: Record) -> None:
    assert verify(record) is None
    drop = verify(record, unrecognised="drop")
    assert drop is not None
    assert drop.reason == "unproved"
    assert drop.detail


def test_every_family_is_judged() -> None:
    for name in families.FAMILIES:
        rng = random.Random(3)
        task = families.sample(rng, [name])
        wrong = families.flawed(rng, task, "wrong_answer")
        right = Record(instruction=task.instruction, input=task.input, output=task.output)
        assert verify(right, unrecognised="drop") is None
        drop = verify(right.replace(output=wrong.output))
        assert drop is not None
        assert drop.reason == "wrong_answer"
