from __future__ import annotations

import os
import random

import pytest

from synthgen.errors import SynthgenError
from synthgen.similarity import NearDuplicateIndex, batch, check_all, query_all


def texts(number: int, seed: int = 0) -> list[str]:
    """Short and long texts with many near-duplicates, some without tokens."""
    rng = random.Random(seed)
    words = [f"w{i}" for i in range(60)]
    bases = [rng.choices(words, k=rng.choice([6, 9, 12, 70])) for _ in range(number // 6)]
    made = ["", "写诗。", "写诗。", "?!"]
    while len(made) < number:
        text = list(rng.choice(bases))
        for _ in range(rng.randrange(5)):
            text[rng.randrange(len(text))] = rng.choice(words)
        made.append(" ".join(text))
    rng.shuffle(made)
    return made


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize(
    "settings", [{}, {"threshold": 0.5, "rule": "ge", "arithmetic": "compat", "tokenizer": "rouge"}]
)
def test_any_number_of_processes_keeps_the_same_with_the_same_evidence(processes, settings):
    all_texts = texts(700)
    keys = [f"k{i}" for i in range(len(all_texts))]
    one, many = NearDuplicateIndex(**settings), NearDuplicateIndex(**settings)
    expected = [one.check(text, key) for text, key in zip(all_texts, keys, strict=True)]
    assert 100 < expected.count(None) < 600
    done: list[int] = []
    assert list(check_all(many, all_texts, keys, processes=processes, block=150, progress=done.append)) == expected
    assert (many.texts, many.keys) == (one.texts, one.keys)
    assert done == [150, 150, 150, 150, 100]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_queries_are_answered_in_order_and_add_nothing(processes):
    index = NearDuplicateIndex()
    for text in texts(200):
        index.check(text)
    asked = texts(200, seed=0)[:90] + texts(60, seed=1)
    kept = len(index)
    assert query_all(index, asked, processes=processes) == [index.query(text) for text in asked]
    assert len(index) == kept


def test_texts_without_keys_have_empty_ones():
    index = NearDuplicateIndex()
    assert list(check_all(index, ["a b c", "d e f", "a b c"], processes=2))[:2] == [None, None]
    assert list(index.keys) == ["", ""]


def test_what_is_no_text_is_refused_in_every_process():
    with pytest.raises(TypeError, match="a text is a string, not int"):
        query_all(NearDuplicateIndex(), ["a", 1, "b"], processes=2)


def test_a_process_that_dies_is_an_error(monkeypatch):
    monkeypatch.setattr(batch, "_answer", lambda sender, index, texts: os._exit(9))
    with pytest.raises(SynthgenError, match="died") as caught:
        query_all(NearDuplicateIndex(), ["a", "b", "c"], processes=2)
    assert caught.value.hint is not None
