"""What all methods have in common; each has tests of its own beside this."""

from __future__ import annotations

import pytest
from embedding_server import vector

from synthgen.similarity import HashIndex, MinHashIndex, NearDuplicateIndex, SemanticIndex

METHODS = [
    HashIndex,
    MinHashIndex,
    NearDuplicateIndex,
    lambda: SemanticIndex(lambda texts: [vector(text) for text in texts]),
]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_text_is_found_with_its_key_and_a_score_of_1(method):
    index = method()
    assert index.query("river") is None
    assert index.check("river", "a") is None
    assert index.check("sky and lake", "b") is None
    assert len(index) == 2
    found = index.check("sky and lake", "c")
    assert (found.number, found.key, found.score, found.text) == (1, "b", 1.0, "sky and lake")
    assert len(index) == 2
    assert index.add("river", "d") == 2
    assert index.query("river").key == "a"


@pytest.mark.parametrize("method", METHODS)
def test_only_strings_are_texts(method):
    with pytest.raises(TypeError, match="a text is a string, not int"):
        method().check(3)


@pytest.mark.parametrize("method", METHODS)
def test_many_texts(method):
    index = method()
    texts = [f"{i} " + " ".join(["river"] * (i % 7) + ["lake"] * (i // 7)) for i in range(49)]
    for text in texts:
        index.add(text)
    assert all(index.query(text).text == text for text in texts if method is not METHODS[3])
    assert all(index.query(text).score == 1 for text in texts if method is not METHODS[3])


@pytest.mark.parametrize("method", METHODS[:3])
@pytest.mark.parametrize("text", ["", "?!", "写诗。", "\ud800", "a\0b", "x " * 200_000])
def test_odd_texts_are_found_again(method, text):
    index = method()
    assert index.check("other") is None
    assert index.check(text) is None
    assert index.check(text).number == 1
