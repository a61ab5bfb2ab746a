from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.filters.no_task import _rules
from synthgen.filters.poor_answers import DECLINES, SPEAKS_OF_ITSELF
from synthgen.matching.words import FirstLook

PATTERNS = [asks.pattern for asks, _ in _rules()] + [DECLINES, SPEAKS_OF_ITSELF]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Draw a cat.", {0}),
        ("  DRAW\ta cat", {0}),
        ("Name three rivers.", set()),
        ("Zeichne eine Katze.", {1}),
        ("Zeıchne eine Katze und draw İt", {0, 1}),
        ("", set()),
    ],
)
def test_it_names_the_patterns_that_may_match(text: str, numbers: set[int]) -> None:
    assert FirstLook(["draw (?:a|it)", "(?:bitte )?zeichne ein"]).may_match(text) == numbers


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_leaves_out_no_text_that_a_pattern_matches(pattern: str) -> None:
    look, compiled = FirstLook([pattern]), re.compile(pattern, re.IGNORECASE)

    @given(st.from_regex(compiled))
    def holds(text: str) -> None:
        if compiled.search(text):
            assert look.may_match(text)

    holds()


def test_it_refuses_a_pattern_that_has_no_word() -> None:
    with pytest.raises(ValueError, match="no word has to stand in what the pattern"):
        FirstLook([r"\d+|draw"])
