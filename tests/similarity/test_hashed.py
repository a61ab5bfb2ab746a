from __future__ import annotations

from synthgen.similarity import HashIndex


def test_the_same_words_in_the_same_order_are_a_copy():
    index = HashIndex()
    assert index.check("Name three rivers.") is None
    assert index.check("name  THREE rivers") is not None
    assert index.check("rivers three name") is None
    assert index.check("Name three rivers now.") is None


def test_texts_without_tokens_are_compared_whole():
    index = HashIndex(tokenizer="rouge")
    assert index.check("写诗。") is None
    assert index.check("写书。") is None
    assert index.check("写诗。") is not None
