from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import LCSseq

from synthgen.text import common_length

WORDS = st.lists(st.sampled_from("abcdefgh"), max_size=60)


def tokens(rng: random.Random, count: int, words: int) -> list[str]:
    return [f"w{min(int(rng.expovariate(20 / words)), words)}" for _ in range(count)]


@given(WORDS, WORDS, st.integers(0, 20))
def test_texts_of_usual_length_are_compared_exactly(a: list[str], b: list[str], least: int) -> None:
    assert common_length(a, b, least) == LCSseq.similarity(a, b, score_cutoff=least)


@given(WORDS, WORDS, st.integers(0, 20))
def test_beyond_it_never_more_is_found_than_there_is(a: list[str], b: list[str], least: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synthgen.text.EXACT", 16)
        patch.setattr("synthgen.text.PIECE", 7)
        patch.setattr("synthgen.text.RUN", 2)
        found = common_length(a, b, least)
    assert found <= LCSseq.similarity(a, b)
    assert found == 0 or found >= least
    if a == b:
        assert found == (len(a) if len(a) >= least else 0)


@pytest.mark.parametrize("share", [1, 3])
def test_what_was_left_out_and_put_in_is_found_in_long_texts(monkeypatch: pytest.MonkeyPatch, share: int) -> None:
    monkeypatch.setattr("synthgen.text.EXACT", 1 << 18)
    monkeypatch.setattr("synthgen.text.PIECE", 128)
    monkeypatch.setattr("synthgen.text.RUNS", 6000 // share)
    rng = random.Random(1)
    text = tokens(rng, 6000, 2000)
    other = ["new"] * 700 + [word for word in text if rng.random() > 0.1]
    exact = LCSseq.similarity(text, other)
    assert 0.97 * exact <= common_length(text, other) <= exact
    swapped = text[3000:] + text[:3000]
    assert 3000 <= common_length(text, swapped) <= LCSseq.similarity(text, swapped)


def test_tokens_may_be_any_and_their_number_plays_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(2)
    a, b = tokens(rng, 3000, 500), tokens(rng, 3000, 500)
    numbers: dict[str, int] = {}
    first, second = ([numbers.setdefault(word, len(numbers)) for word in text] for text in (a, b))
    monkeypatch.setattr("synthgen.text.EXACT", 1 << 12)
    assert common_length(a, b) == common_length(first, second)
