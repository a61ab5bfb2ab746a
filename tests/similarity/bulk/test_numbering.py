from __future__ import annotations

import numpy as np

from synthgen.similarity.bulk.texts import Numbering


def test_every_occurrence_of_a_token_is_an_element_of_its_own():
    numbering = Numbering("unicode")
    elements, offsets = numbering.encode(["the cat the dog", "", "The the the cat"])
    assert offsets.tolist() == [0, 4, 4, 8]
    first, second = set(elements[:4].tolist()), set(elements[4:].tolist())
    assert len(first) == len(second) == 4
    assert len(first & second) == 3  # the, the again, cat
    the, cat, dog = elements[0], elements[1], elements[3]
    assert numbering.token_of()[elements].tolist() == [the, cat, the, dog, the, the, the, cat]


def test_numbers_stay():
    numbering = Numbering("unicode")
    once, _ = numbering.encode(["a b a"])
    tokens = numbering.token_of()[once]
    numbering.encode([f"x{i} x{i}" for i in range(3000)])
    again, _ = numbering.encode(["a b a"])
    assert np.array_equal(once, again)
    assert np.array_equal(numbering.token_of()[again], tokens)
