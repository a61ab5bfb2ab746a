from __future__ import annotations

import random

import pytest

from synthgen.families.closings import CLOSINGS, FORMS, closing, read_closings, wrapped
from synthgen.families.framing import OPENINGS, SETTINGS, opened, setting_word, starts
from synthgen.families.template import plain


@pytest.mark.parametrize("kind", OPENINGS)
def test_the_task_is_found_behind_what_stands_before_it(kind: str) -> None:
    core = "count to ten."
    for seed in range(400):
        text = plain(opened(random.Random(seed), core, kind))
        assert any(text[at:].startswith("count to ten") for at in starts(text)), text


def test_every_setting_is_written_and_skipped() -> None:

    rng = random.Random(0)
    for setting in SETTINGS:
        for _ in range(20):
            text = setting.write(rng, lambda name: setting_word(name, rng))
            assert text.endswith(".")
            assert "  " not in text
            assert len(text) + 1 in starts(f"{plain(text)} count to ten."), text


def test_what_is_no_setting_of_ours_is_not_skipped() -> None:
    assert starts("ignore the numbers. count to ten.") == [0]


def test_a_question_keeps_its_mark() -> None:
    texts = {opened(random.Random(seed), "count to ten.", "do") for seed in range(400)}
    assert any("ould you count to ten?" in text for text in texts)
    assert not any("ould you" in opened(random.Random(s), "count: 1.", "do", asking=False) for s in range(400))


def test_closings_are_written_and_read() -> None:
    seen = set()
    for seed in range(3000):
        asked = closing(random.Random(seed), letters=True, share=0.7)
        if asked is None:
            continue
        text, name, argument = asked
        seen.add((name, argument))
        assert read_closings(plain(text), text, 0) == ([(name, argument)], len(text)), text
    assert {name for name, _ in seen} == set(CLOSINGS)
    assert {(c.name, a) for c in FORMS for a in c.arguments} <= seen


def test_several_closings_are_read_in_order() -> None:
    text = "No explanation, please. Put the answer in square brackets. And more"
    found, at = read_closings(plain(text), text, 0)
    assert found == [("bare", ""), ("square_brackets", "")]
    assert text[at:] == "And more"
    assert wrapped("5", found) == "[5]"


def test_capitals_are_not_asked_of_numbers() -> None:
    assert not any(
        asked and asked[1] == "capitals"
        for asked in (closing(random.Random(seed), letters=False, share=0.9) for seed in range(500))
    )
