from __future__ import annotations

import pytest

from synthgen.families.family import Same, agrees, mentions, rearranged


@pytest.mark.parametrize(
    ("output", "expected", "same"),
    [
        (" 27\n", "27", "exact"),
        ("27.", "27", "exact"),
        ("a, b.", "a, b", "exact"),
        ("Yes", "yes", "caseless"),
        ("YES.", "yes", "caseless"),
        ("paris", "Paris", "caseless"),
        ("1,234,567", "1234567", "number"),
        ("1,234 euros", "1234 euros", "number"),
        ('{ "a" : "x, y" ,\n"b":1}', '{"a": "x, y", "b": 1}', "json"),
    ],
)
def test_harmless_differences(output: str, expected: str, same: Same) -> None:
    assert agrees(output, expected, same)


@pytest.mark.parametrize(
    ("output", "expected", "same"),
    [
        ("", "27", "exact"),
        ("28", "27", "exact"),
        ("27..", "27", "exact"),
        ("1,234", "1234", "exact"),
        ("Yes", "yes", "exact"),
        ("yEs", "yes", "caseless"),
        ("a,b", "a, b", "exact"),
        ("- a\n- b.", "- a\n- b", "exact"),
        ("7 May 1999.", "7 May. 1999", "exact"),
        ("12,34", "1234", "number"),
        ("1,2345", "12345", "number"),
        ("1234.0", "1234", "number"),
        ('{"a": "x,y"}', '{"a": "x, y"}', "json"),
        ('{"b": 1, "a": 2}', '{"a": 2, "b": 1}', "json"),
        ('{"a": "1"}', '{"a": 1}', "json"),
        ('{"a": 1}"', '{"a": 1}', "json"),
        ('{"a": 1, "b}', '{"a": 1, "b": 2}', "json"),
    ],
)
def test_other_differences(output: str, expected: str, same: Same) -> None:
    assert not agrees(output, expected, same)


def test_a_sentence_about_the_answer_is_told_from_another_answer() -> None:
    assert mentions("The answer is 27, of course.", "27", "exact")
    assert mentions("12 + 15 = 27", "27", "exact")
    assert not mentions("The answer is 127, of course.", "27", "exact")
    assert not mentions("27, 28, 29, 30, 31", "27", "exact")
    assert not mentions("27 exactly", "27", "exact")
    assert not mentions("", "27", "exact")
    assert mentions("The answer is Yes, of course.", "yes", "caseless")
    assert not mentions("The answer is Yes, of course.", "yes", "exact")


def test_an_equation_or_a_label_before_the_answer_is_about_it() -> None:
    assert mentions("12+15=27", "27", "exact")
    assert mentions("Answer: 27.", "27", "exact")
    assert not mentions("27=12+15", "27", "exact")
    assert not mentions("Answer: 270", "27", "exact")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('"surprise"', "surprise"),
        ("**27**", "27"),
        ("$27", "27"),
        ("- tea\n- milk", "tea, milk"),
        ("- tea\r\n- milk\r\n", "tea, milk"),
        ("\n\n  - tea\n\n\t* milk", "tea, milk"),
        ("1. tea\n2. milk", "tea, milk"),
        ("[3, 4]", "3, 4"),
    ],
)
def test_the_same_words_in_another_layout(output: str, expected: str) -> None:
    assert rearranged(output, expected, "exact")


@pytest.mark.parametrize(
    ("output", "expected"),
    [("milk, tea", "tea, milk"), ("tea", "tea, milk"), ("-3", "3"), ("2, 5", "2.5"), ("Tea", "tea"), ("", "tea")],
)
def test_other_words_are_no_other_layout(output: str, expected: str) -> None:
    assert not rearranged(output, expected, "exact")
