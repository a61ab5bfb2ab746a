from __future__ import annotations

import pytest

from synthgen.filters.no_task import missing_input
from synthgen.records import Message, Record

MISSING = [
    "Rewrite the following sentence in the passive voice.",
    "Sum up this article in one line.",
    "Put the words below into order.",
    "Which of the numbers below is odd?",
    "Given the following list, find the largest entry.",
    "Answer the question based on the information provided.",
    "Find all names in the given text and sort them.",
    "Translate into French:",
    "Schreibe den folgenden Satz um:",
    "给出两个例子，说明以下陈述：",
]
THERE = [
    "Rewrite the following sentence: the dog ran.",
    'Make this sentence negative. "The dog ran."',
    "Rewrite the following sentence.\nThe dog ran.",
    "Which entry of this list is second? pear, fig, plum.",
    "Is this expression true? false and true.",
    "Answer the following question. Who wrote Faust?",
    "Write a function that sorts the given list.",
    "Write a letter to a friend. This letter is about a journey.",
    "Write an email, and let this email be short.",
    "Add the following numbers (3, 5 and 8).",
    "Negate the given sentence. Paper is better.",
    "Find a title for this passage A village has lost its only shop and all meet in the pub now",
    "Do the following words rhyme - moon, June?",
    "What happened in the following year?",
    "My favourite story is this:",
    "You can save water by following these simple steps:",
    "Find the pronoun in „Their bikes are new“:",
    "Any given text has a theme. Explain why.",
    "In this article of clothing one is never cold. Why?",
]


@pytest.mark.parametrize("instruction", MISSING)
def test_what_works_on_nothing_is_dropped_and_kept_with_an_input(instruction: str) -> None:
    drop = missing_input(Record(instruction=instruction))
    assert drop is not None
    assert drop.reason == "missing_input"
    assert missing_input(Record(instruction=instruction, input="The dog ran.")) is None


@pytest.mark.parametrize("instruction", THERE)
def test_instructions_that_hold_their_material_or_need_none_pass(instruction: str) -> None:
    assert missing_input(Record(instruction=instruction)) is None


def test_earlier_turns_may_hold_it() -> None:
    turns = (Message(role="user", content="The dog ran."),)
    assert missing_input(Record(instruction="Translate this sentence into German.", history=turns)) is None
