from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.families.family import Unprovable
from synthgen.families.notations import decimal, from_roman, from_words, in_words, roman_parts, to_roman


def test_roman_numerals_come_back() -> None:
    assert all(from_roman(to_roman(n)) == n == sum(v for _, v in roman_parts(n)) for n in range(1, 4000))
    assert len({to_roman(n) for n in range(1, 4000)}) == 3999


@pytest.mark.parametrize("text", ["", "IIII", "IC", "VX", "ABC", "MMMM"])
def test_what_is_no_roman_numeral_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Roman"):
        from_roman(text)


@given(st.integers(0, 999_999))
def test_words_come_back(n: int) -> None:
    assert from_words(in_words(n)) == n == from_words(in_words(n, " "))


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "zero"),
        (20, "twenty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (7011, "seven thousand and eleven"),
        (12_300, "twelve thousand three hundred"),
        (900_001, "nine hundred thousand and one"),
    ],
)
def test_words(n: int, text: str) -> None:
    assert in_words(n) == text


@pytest.mark.parametrize("text", ["", "twelfth", "two two", "hundred", "one thousand thousand", "twenty eleven"])
def test_what_spells_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        from_words(text)


@given(st.integers(-(10**9), 10**9), st.integers(0, 4))
def test_decimals_are_exact(n: int, places: int) -> None:
    value = Fraction(n, 10**places)
    assert Fraction(decimal(value)) == value


def test_decimals_are_not_rounded() -> None:
    assert decimal(Fraction(-5, 2)) == "-2.5"
    assert decimal(Fraction(40)) == "40"
    with pytest.raises(Unprovable):
        decimal(Fraction(1, 3))
    with pytest.raises(Unprovable):
        decimal(Fraction(1, 8), places=2)
