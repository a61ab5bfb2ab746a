from __future__ import annotations

import random
import re

import pytest

from synthgen.families.template import Slot, choice, integer, integers, quoted, terms, word


def found(slot: Slot, text: str) -> object:
    """What the slot reads at the beginning of the text; None where it finds nothing."""
    match = re.match(slot.pattern, text.lower())
    return slot.read(text[: match.end()]) if match else None


@pytest.mark.parametrize(
    ("slot", "text", "value"),
    [
        (integer(), "12,345 people", 12_345),
        (integer(), "-7 degrees", -7),
        (integer(), "3.5 metres", None),
        (integer(3), "1234", None),
        (word(), '"Salt" and', "Salt"),
        (word(), "pepper and", "pepper"),
        (choice({"two": 2, "2": 2, "twenty-two": 22}), "Twenty-Two", 22),
        (quoted(), '"A b, c." Then', "A b, c."),
        (quoted(), "no quotes", None),
        (integers(), "3, -4,5 and 6", [3, -4, 5, 6]),
        (integers(), "3", None),
        (terms(), "Salt, pepper and oil", ["Salt", "pepper", "oil"]),
        (terms(), "Salt and pepper", ["Salt", "pepper"]),
        (terms(), "Andy, Anders, and Sandy", ["Andy", "Anders", "Sandy"]),
    ],
)
def test_reading(slot: Slot, text: str, value: object) -> None:
    assert found(slot, text) == value


def test_a_choice_is_written_in_all_its_ways() -> None:
    slot = choice({"two": 2, "2": 2, "three": 3})
    assert {slot.write(2, random.Random(seed)) for seed in range(30)} == {"two", "2"}


@pytest.mark.parametrize(
    ("text", "value"), [('"a b"', "a b"), ("a b", "a b"), ('  "a b" ', "a b"), ('say "a"', 'say "a"'), ("a\nb", None)]
)
def test_a_text_in_the_input_may_do_without_quotes(text: str, value: str | None) -> None:
    slot = quoted()
    match = slot.alone.fullmatch(text.lower())
    assert (slot.read(text) if match else None) == value
