from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen import families
from synthgen.families import FAMILIES, FLAWS, Task
from synthgen.text import tokenize


def task(name: str, seed: int) -> Task:
    return families.sample(random.Random(seed), [name])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_wrong_answer_is_refuted(name: str) -> None:
    for seed in range(25):
        right = task(name, seed)
        wrong = families.flawed(random.Random(seed), right, "wrong_answer")
        assert (wrong.instruction, wrong.input) == (right.instruction, right.input)
        assert wrong.output.strip()
        assert wrong.reasoning is None
        assert families.check(wrong.instruction, wrong.input, wrong.output).status == "refuted"


def test_a_wrong_label_is_another_label() -> None:
    right = task("calendar_class", 0)
    assert families.flawed(random.Random(0), right, "wrong_answer").output in set(right.labels) - {right.output}


def common(a: list[str], b: list[str]) -> int:
    """The length of the longest common subsequence, by the textbook."""
    row = [0] * (len(b) + 1)
    for x in a:
        last = 0
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], last + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_near_duplicate_differs_by_a_word_or_two_and_is_as_true(name: str) -> None:
    for seed in range(20):
        right = task(name, seed)
        near = families.flawed(random.Random(seed), right, "near_duplicate")
        old, new = tokenize(right.instruction), tokenize(near.instruction)
        assert near.instruction != right.instruction
        assert max(len(old), len(new)) - common(old, new) <= 2
        assert families.check(near.instruction, near.input, near.output).status == "proved", near.instruction


def test_the_other_kinds_are_what_they_are_called() -> None:
    for seed in range(40):
        right = families.sample(random.Random(seed))
        spoiled = {kind: families.flawed(random.Random(seed), right, kind) for kind in FLAWS}
        assert spoiled["empty_output"].output == ""
        assert spoiled["input_equals_output"].input == spoiled["input_equals_output"].output != ""
        assert len(spoiled["too_short"].instruction.split()) <= 3
        assert spoiled["ends_in_colon"].output.endswith(":")
        assert not spoiled["starts_with_punctuation"].instruction[0].isalnum()
        assert spoiled["write_a_program"].instruction.startswith("Write a program")
        assert spoiled["image_request"].instruction.endswith(right.instruction)
        assert all(s != right for kind, s in spoiled.items() if kind != "input_equals_output")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        families.flawed(random.Random(0), task("parity", 0), "spelling")


@given(st.integers(), st.sampled_from(FLAWS))
def test_flaws_are_deterministic(seed: int, kind: str) -> None:
    right = families.sample(random.Random(seed))
    assert families.flawed(random.Random(1), right, kind) == families.flawed(random.Random(1), right, kind)
