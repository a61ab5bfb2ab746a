from __future__ import annotations

from synthgen.similarity.vocabulary import LARGEST, Vocabulary, to_ids, to_text


def test_tokens_are_numbered_as_they_come():
    vocabulary = Vocabulary(["a", "b", "a"])
    assert vocabulary.learn(["c", "a", "c", "d"]) == [2, 0, 2, 3]
    assert vocabulary.tokens == ["a", "b", "c", "d"]
    assert len(vocabulary) == 4


def test_looking_up_teaches_nothing():
    vocabulary = Vocabulary(["a"])
    assert vocabulary.look_up(["x", "a", "y", "x"]) == [1, 0, 2, 1]
    assert len(vocabulary) == 1


def test_every_number_has_a_character_of_its_own_and_none_is_a_surrogate():
    numbers = range(LARGEST)
    text = to_text(numbers)
    assert len(set(text)) == LARGEST
    assert to_ids(text) == list(numbers)
    text.encode("utf-8")


def test_beyond_the_largest_characters_are_shared():
    assert to_text([LARGEST, 2 * LARGEST + 5]) == to_text([0, 5])
