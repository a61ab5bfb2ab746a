"""Numbers in other notations: words, Roman numerals, decimals without rounding."""

from __future__ import annotations

from fractions import Fraction

from synthgen.families.task import Unprovable

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ROMAN = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)


def decimal(value: Fraction, places: int = 4) -> str:
    """The number as a plain decimal; raises `Unprovable` where it needs more than that many places."""
    scaled = value * 10**places
    if scaled.denominator != 1:
        raise Unprovable("the result would have to be rounded")
    digits = str(abs(scaled.numerator)).zfill(places + 1)
    text = f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".") if places else digits
    return f"-{text}" if value < 0 else text


def in_words(number: int, joint: str = " and ") -> str:
    """The number (0 to 999,999) in English words; `joint` stands between hundreds and the rest."""
    if not 0 <= number < 1_000_000:
        raise Unprovable("only numbers below a million are spelled out")
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f"{joint}{in_words(rest, joint)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    between = joint if rest < 100 else " "
    return f"{in_words(thousands, joint)} thousand" + (f"{between}{in_words(rest, joint)}" if rest else "")


def from_words(text: str) -> int:
    """The number that English words spell; raises `ValueError` where they spell none."""
    total = group = 0
    parts = text.lower().replace("-", " ").replace(" and ", " ").split()
    for part in parts:
        if part in _ONES:
            group += _ONES.index(part)
        elif part in _TENS:
            group += 10 * (_TENS.index(part) + 2)
        elif part == "hundred":
            group *= 100
        elif part == "thousand":
            total, group = (total + group) * 1000, 0
        else:
            raise ValueError(f"{part!r} is no part of a number")
    number = total + group
    spelled = in_words(number).replace("-", " ").replace(" and ", " ").split() if number < 1_000_000 else []
    if spelled != parts:
        raise ValueError(f"{text!r} spells no number")
    return number


def to_roman(number: int) -> str:
    """The Roman numeral of 1 to 3,999."""
    if not 1 <= number <= 3999:
        raise Unprovable("no Roman numeral")
    out = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        out += sign * count
    return out


def from_roman(text: str) -> int:
    """The number of a Roman numeral in its usual form; raises `ValueError` for another."""
    text = text.upper()
    number, at = 0, 0
    for value, sign in _ROMAN:
        while text.startswith(sign, at):
            number += value
            at += len(sign)
    if at != len(text) or not 1 <= number <= 3999 or to_roman(number) != text:
        raise ValueError(f"{text!r} is no Roman numeral")
    return number


def roman_parts(number: int) -> list[tuple[str, int]]:
    """The signs of a Roman numeral with their values, in order: `[("X", 10), ("IV", 4)]` for 14."""
    parts = []
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        parts += [(sign, value)] * count
    return parts
