from __future__ import annotations

import random
from collections import Counter

from synthgen.similarity import candidates as module
from synthgen.similarity.candidates import ShortIndex, elements, signature
from synthgen.similarity.neighbour import Needed


def test_elements_are_the_multiset_rarest_first():
    assert elements([5, 1, 5, 9, 5], 9) == [9 << 20, 5 << 20, 5 << 20 | 1, 5 << 20 | 2, 1 << 20]
    assert elements([5, 1, 5, 9, 5], 2) == [9 << 20, 5 << 20]


def test_signatures_differ_in_no_more_bits_than_the_multisets_in_elements():
    rng = random.Random(0)
    for _ in range(500):
        a, b = ([rng.randrange(12) for _ in range(rng.randrange(12))] for _ in range(2))
        differ = ((Counter(a) - Counter(b)) + (Counter(b) - Counter(a))).total()
        assert (signature(a) ^ signature(b)).bit_count() <= differ


def test_sorted_lists_give_the_same_candidates_as_others(monkeypatch):
    rng = random.Random(0)
    needed = Needed(0.6)
    texts = [[rng.randrange(30) for _ in range(rng.randrange(1, 30))] for _ in range(700)]
    candidates = []
    for large in (10**9, 8):
        monkeypatch.setattr(module, "_LARGE", large)
        index = ShortIndex(needed)
        found = []
        for number, ids in enumerate(texts):
            found.append(sorted(index.candidates(index.sketch(ids), needed)))
            index.add(number, index.sketch(ids))
        candidates.append(found)
    assert candidates[0] == candidates[1]
    assert sum(map(len, candidates[0])) > 1000
