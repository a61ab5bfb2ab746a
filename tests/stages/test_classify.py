from __future__ import annotations

import pytest
from stage_parts import Scripted, Walk

from synthgen.records import Record
from synthgen.requests.request import Choice
from synthgen.stages.generate import Classify

SPAM = Record(instruction="Is this\nmessage spam?")


@pytest.mark.parametrize(("reply", "label"), [('{"label": "yes"}', True), ('{"label": "no"}', False), ("No.", False)])
def test_the_label_is_filled_in(walk: Walk, reply: str, label: bool) -> None:
    teacher = Scripted(reply)
    (record,) = walk(Classify(), teacher, records=[SPAM])
    assert record.is_classification is label
    assert record.provenance.requests == (teacher.requests[0].key,)
    assert teacher.prompts[0].endswith('Task: "Is this message spam?"')


def test_a_label_that_is_known_is_not_asked_for(walk: Walk) -> None:
    teacher = Scripted("nonsense")
    records = walk(Classify(), teacher, records=[SPAM.replace(is_classification=True)])
    assert records[0].is_classification is True
    assert teacher.requests == []


@pytest.mark.parametrize(
    ("choice", "reason"),
    [(Choice("perhaps"), "malformed"), (Choice(""), "empty_reply"), (Choice('{"la', "length"), "truncated")],
)
def test_an_unclear_label_drops_the_record(walk: Walk, choice: Choice, reason: str) -> None:
    teacher = Scripted(choice)
    (record,) = walk(Classify(), teacher, records=[SPAM])
    assert record.drop is not None
    assert record.drop.reason == reason
    assert len(teacher.requests) == 3


@pytest.mark.parametrize(("reply", "label"), [("Yes", True), (" yes\n", True), ("Yes, it is.", False), ("", False)])
def test_faithfully_everything_but_yes_means_no(walk: Walk, reply: str, label: bool) -> None:
    teacher = Scripted(reply)
    (record,) = walk(Classify(faithful=True), teacher, records=[SPAM])
    assert record.is_classification is label
    assert record.drop is None
    assert teacher.prompts[0].endswith("\nClassification:")
    sampling = teacher.requests[0].sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.stop) == (0, 3, ("\n", "Task"))


def test_a_reply_that_faithful_reading_takes_for_no_is_yes_when_read_well(walk: Walk) -> None:
    (record,) = walk(Classify(), Scripted("Yes, it is."), records=[SPAM])
    assert record.is_classification is True
