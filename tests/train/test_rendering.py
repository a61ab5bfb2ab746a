"""The pattern that finds control tokens in texts."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from hypothesis import given
from hypothesis import strategies as st
from synthgen_train.rendering import Literals, longest_of

WORDS = st.sets(st.text("<|ab", min_size=1, max_size=6), min_size=1, max_size=12)


@given(WORDS, st.text("<|ab", max_size=60))
def test_the_tree_finds_what_the_words_longest_first_find(words: set[str], text: str) -> None:
    one_by_one = "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    assert re.findall(longest_of(words), text) == re.findall(one_by_one, text)


def test_thousands_of_control_tokens_are_found_and_hidden() -> None:
    tokens = {"<eos>", "[multimodal]", *(f"<unused{i}>" for i in range(6000))}
    literals = Literals(re.compile(longest_of(tokens)))
    hidden = literals.hide("a <unused12> b <unused5999>, <unused6000> and <unused12>, [multimodal]")
    assert literals.used == ["<unused12>", "<unused5999>", "[multimodal]"]
    first, second, third = literals.hidden
    assert hidden == f"a {first} b {second}, <unused6000> and {first}, {third}"
