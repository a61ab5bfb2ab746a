from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgen.similarity.bulk import signatures
from synthgen.similarity.bulk.texts import Texts

SETS = st.lists(
    st.tuples(st.integers(1, 300), st.integers(0, 40)).map(lambda t: set(range(t[1], t[0] + t[1]))),
    min_size=2,
    max_size=8,
)


def encoded(sets: list[set[int]]) -> Texts:
    elements = np.array([e for one in sets for e in sorted(one)], np.int32)
    return Texts.of(elements, np.cumsum([0, *map(len, sets)]))


@given(SETS)
def test_signatures_differ_in_no_more_bits_than_elements_are_unshared(sets):
    texts = encoded(sets)
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(len(sets)), np.arange(len(sets))))
    unshared = np.array([len(sets[i] ^ sets[j]) for i, j in zip(a, b, strict=True)])
    assert (np.bitwise_count(texts.signatures[a] ^ texts.signatures[b]) <= unshared).all()
    differing = texts.differing(a, texts, b)
    assert (differing <= unshared).all()
    assert (differing[a == b] == 0).all()
    assert (differing % 2 == unshared % 2).all()


def test_wide_signatures_tell_unlike_texts_apart():
    texts = encoded([set(range(k * 1000, k * 1000 + size)) for k, size in enumerate([10, 30, 40, 200, 500])])
    a = np.array([0, 1, 2, 3, 4])
    b = np.array([1, 2, 1, 4, 3])
    unshared = texts.lengths[a] + texts.lengths[b]
    assert (texts.differing(a, texts, b) > 0.5 * unshared).all()


def test_widths_grow_with_the_text():
    assert signatures.widths(np.array([1, 32, 33, 64, 65, 200, 100_000])).tolist() == [2, 2, 4, 4, 8, 16, 8192]
