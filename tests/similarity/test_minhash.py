from __future__ import annotations

import random

import pytest

from synthgen.similarity import MinHashIndex, NearDuplicateIndex
from synthgen.similarity.hashes import PERMUTATIONS, best_bands
from synthgen.text import ngrams, tokenize


def edited(text: list[str], words: list[str], rng: random.Random) -> str:
    text = list(text)
    for _ in range(rng.randrange(len(text))):
        text[rng.randrange(len(text))] = rng.choice(words)
    return " ".join(text)


def test_the_score_estimates_the_similarity_of_the_sets_of_word_pairs():
    rng = random.Random(0)
    words = [f"w{i}" for i in range(400)]
    errors = []
    for _ in range(100):
        base = rng.choices(words, k=30)
        other = edited(base[:25] + rng.choices(words, k=5), words[:20], random.Random(1))
        index = MinHashIndex(0.05)
        index.add(" ".join(base))
        a, b = (set(ngrams(tokenize(text), 2)) for text in (" ".join(base), other))
        found = index.query(other)
        errors.append((found.score if found else 0.0) - len(a & b) / len(a | b))
    assert abs(sum(errors) / len(errors)) < 0.03
    assert max(map(abs, errors)) < 0.2


def test_finds_most_of_what_the_exact_index_finds():
    rng = random.Random(0)
    words = [f"w{i}" for i in range(2000)]
    texts: list[str] = []
    for _ in range(600):
        base = rng.choices(words, k=rng.randrange(8, 20))
        texts += [" ".join(base), edited(base, words, rng)]
    exact, approximate = NearDuplicateIndex(), MinHashIndex()
    pairs = [(exact.check(text) is not None, approximate.check(text) is not None) for text in texts]
    both = pairs.count((True, True))
    assert both / sum(e for e, _ in pairs) > 0.7
    assert both / sum(a for _, a in pairs) > 0.7


def test_two_indexes_agree():
    texts = [f"name {i} rivers in {'europe' if i % 2 else 'asia'}" for i in range(50)]
    first, second = MinHashIndex(), MinHashIndex()
    assert [first.check(t) for t in texts] == [second.check(t) for t in texts]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9])
def test_bands_are_found_by_what_is_above_the_threshold(threshold):
    bands, rows = best_bands(threshold)
    assert bands * rows <= PERMUTATIONS
    assert 1 - (1 - (threshold + 0.1 * (1 - threshold)) ** rows) ** bands > 0.8


@pytest.mark.parametrize("threshold", [0, 1.1])
def test_the_threshold_is_above_0_and_at_most_1(threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        MinHashIndex(threshold)
