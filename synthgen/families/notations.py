"""Numbers in other notations: words, Roman numerals, decimals without rounding."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import Slot, integer

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


_BASES = {"binary": 2, "octal": 8, "decimal": 10, "hex": 16}


_FORMATS = {2: "b", 8: "o", 10: "d", 16: "x"}


def _bases(op: str) -> tuple[int, int]:
    source, target = op.split("_")
    return _BASES[source], _BASES[target]


def _converted(values: Values) -> str:
    source, target = _bases(values["op"])
    try:
        number = int(values["digits"], source)
    except ValueError:
        raise Unprovable("no number of that base") from None
    return format(number, _FORMATS[target])


def _prefixed(values: Values) -> tuple[str, ...]:
    prefix = {"b": "0b", "o": "0o", "x": "0x"}.get(_FORMATS[_bases(values["op"])[1]])
    return (prefix + _converted(values),) if prefix else ()


def _base_steps(values: Values) -> str:
    source, target = _bases(values["op"])
    number = int(values["digits"], source)
    lines = []
    if source != 10:
        powers = " + ".join(
            f"{int(d, source)} * {source}^{len(values['digits']) - 1 - i}" for i, d in enumerate(values["digits"])
        )
        lines.append(f"{powers} = {number}")
    if target != 10:
        rest = number
        while rest:
            lines.append(f"{rest} / {target} = {rest // target}, remainder {rest % target}")
            rest //= target
        lines.append("Read the remainders from the last to the first.")
    return "\n".join(lines)


def _draw_base(rng: random.Random, op: str) -> dict[str, Any]:
    number = rng.randint(9, 255) if "binary" in op else rng.randint(70, 4000)
    return {"digits": format(number, _FORMATS[_bases(op)[0]])}


base_conversion = Family(
    name="base_conversion",
    task_type="reasoning",
    phrasings={
        "decimal_binary": (
            "convert the decimal number {digits} to binary",
            "what is {digits} in binary?",
            "write {digits} as a binary number",
        ),
        "binary_decimal": (
            "convert the binary number {digits} to decimal",
            "which decimal number is binary {digits}?",
            "[translate|turn] the bits {digits} into a decimal number",
        ),
        "decimal_hex": (
            "convert the decimal number {digits} to [hexadecimal|hex]",
            "what is {digits} in hexadecimal?",
            "write {digits} as a hexadecimal number",
        ),
        "hex_decimal": (
            "convert the hexadecimal number {digits} to decimal",
            "which decimal number is hexadecimal {digits}?",
            "[translate|turn] the hex value {digits} into a decimal number",
        ),
        "decimal_octal": (
            "convert the decimal number {digits} to octal",
            "what is {digits} in octal?",
            "write {digits} as an octal number, that is, in base eight",
        ),
        "binary_hex": (
            "convert the binary number {digits} to hexadecimal",
            "which hexadecimal number is binary {digits}?",
            "[translate|turn] the bits {digits} into a hexadecimal number",
        ),
    },
    slots={"digits": Slot(r"[0-9a-f]{1,12}(?!\w)", str.lower)},
    draw=_draw_base,
    answer=_converted,
    steps=_base_steps,
    also=_prefixed,
    same="caseless",
)


def _roman(values: Values) -> str:
    return to_roman(values["number"]) if values["op"] == "to" else str(values["numeral"])


roman_numerals = Family(
    name="roman_numerals",
    task_type="reasoning",
    phrasings={
        "to": (
            "[write|give] {number} [in|as] Roman numerals",
            "convert the [number|year|page number] {number} to [a Roman numeral|Roman numerals]",
            "how do you write {number} in Roman numerals?",
            "which Roman numeral stands for {number}?",
            "carve the [year|number] {number} in Roman numerals",
        ),
        "from": (
            "which number is the Roman numeral {numeral}?",
            "convert the Roman numeral {numeral} to [an ordinary number|a decimal number|digits]",
            "what does the Roman numeral {numeral} stand for, in ordinary digits?",
            "read the Roman numeral {numeral} and give the number in digits",
            "a clock maker engraved {numeral}: which number is that in ordinary digits?",
        ),
    },
    slots={
        "number": integer(4),
        "numeral": Slot(r"[mdclxvi]{1,15}(?!\w)", from_roman, lambda value, rng: to_roman(value)),
    },
    draw=lambda rng, op: {"number" if op == "to" else "numeral": rng.randint(4, rng.choice((99, 399, 2999)))},
    answer=_roman,
    steps=lambda values: " + ".join(
        f"{sign} ({value})" for sign, value in roman_parts(values["number" if values["op"] == "to" else "numeral"])
    ),
    same="number",
)


def _spelled(values: Values) -> str:
    return in_words(values["number"]) if values["op"] == "to" else str(values["spelled"])


def _other_spellings(values: Values) -> tuple[str, ...]:
    if values["op"] == "from":
        return ()
    texts = (in_words(values["number"]), in_words(values["number"], " "))
    return (*texts, *(text.replace("-", " ") for text in texts))


number_words = Family(
    name="number_words",
    task_type="rewriting",
    phrasings={
        "to": (
            "[write|spell] out {number} in [English words|words]",
            "how do you write {number} in words?",
            "which [English words|words] does a [cheque|certificate|contract] use for the number {number}?",
            "[put|express] the number {number} in [English words|words]",
            "read the [amount|number|total] {number} aloud, in words",
        ),
        "from": (
            "write {spelled} in digits",
            "which number is {spelled}, in digits?",
            "turn the words {spelled} into a number written with digits",
            "how is {spelled} written in digits?",
            "[note down|record] {spelled} as a figure in digits",
        ),
    },
    slots={
        "number": integer(6),
        "spelled": Slot(
            r'"?[a-z]+(?:[ -][a-z]+){0,14}?"?', lambda t: from_words(t.strip('"')), lambda v, rng: f'"{in_words(v)}"'
        ),
    },
    draw=lambda rng, op: {"number" if op == "to" else "spelled": rng.randint(21, rng.choice((99, 999, 9999, 99_999)))},
    answer=_spelled,
    also=_other_spellings,
    same="caseless",
)

FAMILIES = (
    base_conversion,
    roman_numerals,
    number_words,
)
