from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.families import FAMILIES, recogniser
from synthgen.families.template import Template, plain, words

NUMBER = {"n": r"\d+", "job": r"[a-z]+"}


def texts(template: Template, count: int = 200) -> set[str]:
    return {template.write(random.Random(seed), lambda name: "7") for seed in range(count)}


def test_choices_are_written_in_all_ways() -> None:
    template = Template("[add|sum [up|]] {n}")
    assert texts(template) == {"add 7", "sum up 7", "sum  7"}


def test_an_article_fits_its_noun() -> None:
    template = Template("{a:job} called")
    assert template.write(random.Random(0), lambda name: "actor") == "an actor called"
    assert template.write(random.Random(0), lambda name: "judge") == "a judge called"
    assert re.fullmatch(template.pattern(NUMBER), "an actor called")


def test_a_slot_that_stands_twice_has_one_value() -> None:
    pattern = re.compile(Template("{n} is {n}").pattern(NUMBER))
    assert pattern.fullmatch("4 is 4")
    assert not pattern.fullmatch("4 is 5")


def test_spaces_may_be_more() -> None:
    assert re.fullmatch(Template("add {n} now").pattern(NUMBER), "add \n 7   now")


def test_anchors_stand_in_every_text() -> None:
    assert set(Template("count the [word|term]s in {n}").anchors) == {
        frozenset({"count"}),
        frozenset({"the"}),
        frozenset({"in"}),
    }
    assert frozenset({"red", "blue"}) in Template("[red|blue] ink").anchors


@pytest.mark.parametrize("text", ["[a|b", "a]b", "{n", "a}", "{N}", "[a]]"])
def test_broken_notation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"phrasing|bracket"):
        _ = Template(text).nodes


@given(st.text())
def test_plain_text_is_as_long_as_the_text(text: str) -> None:
    assert len(plain(text)) == len(text)


def test_plain_text_has_plain_signs() -> None:
    assert plain("“Ää” – it’s 3 × 4") == '"ää" - it\'s 3 * 4'


@pytest.mark.parametrize("name", FAMILIES)
def test_every_phrasing_of_a_family_reads_what_it_writes(name: str) -> None:
    family = FAMILIES[name]
    rng = random.Random(2)
    for phrasing in family.all_phrasings:
        values = {"op": phrasing.op, **family.draw(rng, phrasing.op)}
        if family.data:
            values[family.data] = family.draw_data(rng, values)
        shown = {slot: family.slots[slot].write(values[slot], rng) for slot in phrasing.template.holes}
        for _ in range(5):
            text = phrasing.template.write(rng, shown.__getitem__)
            core = plain(text.rstrip(".?"))
            assert phrasing.regex.match(core), text
            assert all(words(core) & anchor for anchor in phrasing.template.anchors), text
            assert "  " not in text, text
            assert text.strip() == text, text
            assert phrasing in recogniser().candidates(core)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_phrasings_of_both_kinds(name: str) -> None:
    phrasings = FAMILIES[name].all_phrasings
    assert len(phrasings) >= 6
    assert len({phrasing.template.text for phrasing in phrasings}) == len(phrasings)
    assert any("?" in phrasing.template.text for phrasing in phrasings)
