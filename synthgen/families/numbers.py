"""Families about numbers: arithmetic, shares, divisors, sequences, digits."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise
from typing import Any

from synthgen.families.expressions import Arithmetic
from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.notations import decimal
from synthgen.families.template import Slot, choice, integer, integers


def _read_expression(text: str) -> str:
    text = text.strip()
    if " " not in text or not any(sign in text for sign in "+-*/×÷−–"):
        raise ValueError("no calculation")
    Arithmetic(text)
    return text


def _draw_expression(rng: random.Random, values: Values) -> str:
    shape = rng.randrange(6)
    a, b, c, d = (rng.randint(2, 40) for _ in range(4))
    if shape == 0:
        return f"{a} + {b} * {c}"
    if shape == 1:
        return f"({a} + {b}) * {c} - {d}"
    if shape == 2:
        return f"{a * b} / {a} + {c} * {d}"
    if shape == 3:
        return f"{a} * {b} - {c} * {d}"
    if shape == 4:
        return f"{100 * a} - ({b} + {c}) * {d}"
    return f"{a} * ({b} + {c} * {d})"


def _expression(rng_value: Any, rng: random.Random) -> str:
    text = str(rng_value)
    return text.replace("*", "×").replace("/", "÷") if rng.random() < 0.3 else text


arithmetic = Family(
    name="arithmetic",
    task_type="reasoning",
    phrasings={
        "all": (
            "[work out|calculate|compute|evaluate] {expression}",
            "what is {expression}?",
            "[find|give] the value of {expression}",
            "how much is {expression}?",
            "[solve|simplify] {expression} down to a single number",
            "which number do you get for {expression}?",
            "do the sum {expression}, multiplication and division first",
            "following the usual order of operations, what does {expression} come to?",
        )
    },
    slots={"expression": Slot(r"[\d(][\d\s+*/()-]{2,80}[\d)](?!\w)", _read_expression, _expression)},
    draw=lambda rng, op: {"expression": _draw_expression(rng, {})},
    answer=lambda values: str(Arithmetic(values["expression"]).value),
    steps=lambda values: "\n".join(Arithmetic(values["expression"]).steps),
    same="number",
)


def _percent(values: Values) -> str:
    p, n = values["p"], values["n"]
    if values["op"] == "share":
        if n == 0:
            raise Unprovable("a share of nothing")
        return decimal(Fraction(100 * p, n), places=2)
    part = Fraction(p * n, 100)
    return decimal({"of": part, "up": n + part, "down": n - part}[values["op"]], places=2)


def _percent_steps(values: Values) -> str:
    p, n, op = values["p"], values["n"], values["op"]
    if op == "share":
        return f"{p} / {n} * 100 = {_percent(values)}"
    part = decimal(Fraction(p * n, 100), places=2)
    line = f"{p}% of {n} is {n} * {p} / 100 = {part}."
    return line if op == "of" else f"{line}\n{n} {'+' if op == 'up' else '-'} {part} = {_percent(values)}"


def _draw_percent(rng: random.Random, op: str) -> dict[str, Any]:
    n = rng.randint(2, 60) * rng.choice((5, 10, 20, 25))
    if op == "share":
        n = rng.choice((20, 25, 40, 50, 80, 125, 200, 250, 400, 500))
        return {"p": rng.randint(1, n - 1), "n": n}
    return {"p": rng.randint(1, 19) * rng.choice((4, 5)), "n": n}


_P = "{p}[%| percent| per cent]"


percentage = Family(
    name="percentage",
    task_type="reasoning",
    phrasings={
        "of": (
            f"what is {_P} of {{n}}?",
            f"[calculate|work out|find] {_P} of {{n}}",
            f"{_P} of {{n}} [visitors|members|pages|tickets|seats] [are|were] counted: how many is that?",
        ),
        "up": (
            f"increase {{n}} by {_P}",
            f"what do you get if {{n}} [rises|grows|goes up] by {_P}?",
            f"a [price|rent|fee|budget] of {{n}} euros goes up by {_P}: how many euros is it then?",
        ),
        "down": (
            f"decrease {{n}} by {_P}",
            f"what do you get if {{n}} [falls|drops|shrinks] by {_P}?",
            f"a [coat|lamp|ticket|desk|bicycle] for {{n}} euros is [sold|offered] at {_P} off: how many euros does it "
            "cost?",
        ),
        "share": (
            "what percentage of {n} is {p}?",
            "{p} of {n} [seats|tickets|places|pages] are taken: what percentage is that?",
            "[give|work out] {p} out of {n} as a percentage",
        ),
    },
    slots={"p": integer(6), "n": integer(7)},
    draw=_draw_percent,
    answer=_percent,
    steps=_percent_steps,
    also=lambda values: (
        (f"{_percent(values)}%", f"{_percent(values)} %", f"{_percent(values)} percent")
        if values["op"] == "share"
        else (f"{_percent(values)} euros",)
    ),
    same="number",
)


def _divisor(values: Values) -> str:
    a, b = values["a"], values["b"]
    if a < 1 or b < 1:
        raise Unprovable("only for numbers from one on")
    return str(math.gcd(a, b) if values["op"] == "gcd" else math.lcm(a, b))


def _divisor_steps(values: Values) -> str:
    a, b = max(values["a"], values["b"]), min(values["a"], values["b"])
    lines = []
    while b:
        lines.append(f"{a} = {a // b} * {b} + {a % b}")
        a, b = b, a % b
    lines.append(f"The greatest common divisor is {a}.")
    if values["op"] == "lcm":
        lines.append(f"{values['a']} * {values['b']} / {a} = {_divisor(values)}")
    return "\n".join(lines)


def _draw_divisor(rng: random.Random, op: str) -> dict[str, Any]:
    common = rng.randint(2, 24 if op == "gcd" else 9)
    a, b = rng.sample(range(2, 20 if op == "gcd" else 12), 2)
    return {"a": common * a, "b": common * b}


divisors = Family(
    name="divisors",
    task_type="reasoning",
    phrasings={
        "gcd": (
            "find the greatest common divisor of {a} and {b}",
            "what is the [greatest common divisor|highest common factor] of {a} and {b}?",
            "which is the largest whole number that divides both {a} and {b}?",
            "{a} red and {b} white beads go into bags with equal contents, none left over: how many bags at most?",
        ),
        "lcm": (
            "find the least common multiple of {a} and {b}",
            "what is the [least|lowest] common multiple of {a} and {b}?",
            "which is the smallest positive number that both {a} and {b} divide?",
            "one light blinks every {a} seconds, another every {b}; they blink together now: after how many seconds "
            "do they "
            "blink together again?",
        ),
    },
    slots={"a": integer(7), "b": integer(7)},
    draw=_draw_divisor,
    answer=_divisor,
    steps=_divisor_steps,
    also=lambda values: (f"{_divisor(values)} seconds",) if values["op"] == "lcm" else (f"{_divisor(values)} bags",),
    same="number",
)


def _next_term(values: Values) -> str:
    items, op = values["items"], values["op"]
    if len(items) < 3:
        raise Unprovable("too few terms")
    pairs = list(pairwise(items))
    if op == "add":
        steps = {b - a for a, b in pairs}
        if len(steps) == 1:
            return str(items[-1] + steps.pop())
    elif op == "multiply":
        ratios = {Fraction(b, a) for a, b in pairs if a}
        if len(ratios) == 1 and all(items) and ratios.copy().pop().denominator == 1:
            return str(items[-1] * int(ratios.pop()))
    elif all(c == a + b for a, b, c in zip(items, items[1:], items[2:], strict=False)):
        return str(items[-2] + items[-1])
    raise Unprovable("the numbers do not follow the rule")


def _term_steps(values: Values) -> str:
    items, op = values["items"], values["op"]
    if op == "add":
        step = items[1] - items[0]
        return f"Each step is {items[1]} - {items[0]} = {step}. {items[-1]} + {step} = {_next_term(values)}"
    if op == "multiply":
        factor = items[1] // items[0]
        return f"Each factor is {items[1]} / {items[0]} = {factor}. {items[-1]} * {factor} = {_next_term(values)}"
    return f"{items[-2]} + {items[-1]} = {_next_term(values)}"


def _draw_terms(rng: random.Random, values: Values) -> list[int]:
    count = rng.randint(4, 6)
    if values["op"] == "add":
        first, step = rng.randint(1, 90), rng.choice((-1, 1, 1)) * rng.randint(2, 25)
        return [first + i * step for i in range(count)]
    if values["op"] == "multiply":
        first, factor = rng.randint(1, 12), rng.randint(2, 5)
        return [first * factor**i for i in range(count)]
    items = [rng.randint(1, 30), rng.randint(1, 40)]
    while len(items) < count:
        items.append(items[-2] + items[-1])
    return items


sequence = Family(
    name="sequence",
    task_type="reasoning",
    phrasings={
        "add": (
            "[find|give] the next term of [this|the following] arithmetic sequence",
            "what comes next in [this|the following] sequence with equal steps?",
            "[continue|extend] [this|the following] arithmetic sequence by one term and give that term",
            "the difference between neighbours stays the same: which number follows in [this|the following] row?",
        ),
        "multiply": (
            "[find|give] the next term of [this|the following] geometric sequence",
            "what comes next in [this|the following] sequence, where each term is a fixed multiple of the one before?",
            "[continue|extend] [this|the following] geometric sequence by one term and give that term",
            "the factor between neighbours stays the same: which number follows in [this|the following] row?",
        ),
        "fibonacci": (
            "each term is the sum of the two before it: what comes next in [this|the following] sequence?",
            "[find|give] the next term of [this|the following] sequence, in which every term from the third on is "
            "the sum of "
            "the two before",
            "in [this|the following] row, every number from the third on is the sum of the two before: which one "
            "follows?",
        ),
    },
    slots={"items": integers()},
    data="items",
    draw_data=_draw_terms,
    answer=_next_term,
    steps=_term_steps,
    same="number",
)


def _rounded(values: Values) -> str:
    n, unit = values["number"], values["unit"]
    if 2 * (n % unit) == unit:
        raise Unprovable("halfway: there are several rules")
    return str(unit * ((n + unit // 2) // unit))


def _draw_rounded(rng: random.Random, values: Values) -> int:
    unit = int(values["unit"])
    return unit * rng.randint(1, 90) + rng.choice([r for r in (rng.randint(1, unit - 1), 1, unit - 1) if 2 * r != unit])


rounding = Family(
    name="rounding",
    task_type="reasoning",
    phrasings={
        "all": (
            "round [this|the following|the given] number to the nearest {unit}",
            "what is [this|the following] [number|count|distance], rounded to the nearest {unit}?",
            "give the [attendance|population|distance|price] [below|given here] to the nearest {unit}",
            "to the nearest {unit}, how large is [this|the following] number?",
            "a headline needs the [figure|number] [below|given here] rounded to the nearest {unit}: which number is "
            "that?",
            "state [this|the following] [figure|total|number], rounded to the nearest {unit}",
        )
    },
    slots={
        "number": integer(8),
        "unit": choice(
            {"ten": 10, "hundred": 100, "thousand": 1000, "10": 10, "100": 100, "1000": 1000, "1,000": 1000}
        ),
    },
    data="number",
    draw=lambda rng, op: {"unit": rng.choice((10, 100, 1000))},
    draw_data=_draw_rounded,
    answer=_rounded,
    steps=lambda values: (
        f"{values['number']} lies between {values['number'] // values['unit'] * values['unit']} and "
        f"{(values['number'] // values['unit'] + 1) * values['unit']}."
    ),
    same="number",
)


def _digits(values: Values) -> str:
    digits = [int(d) for d in str(abs(values["number"]))]
    return str({"sum": sum(digits), "product": math.prod(digits), "count": len(digits)}[values["op"]])


digit_sum = Family(
    name="digit_sum",
    task_type="reasoning",
    phrasings={
        "sum": (
            "[add up|sum] the digits of {number}",
            "what is the [digit sum|sum of the digits] of {number}?",
            "find the digit sum of the [ticket|locker|order|serial] number {number}",
        ),
        "product": (
            "multiply the digits of {number} with each other",
            "what is the product of the digits of {number}?",
            "find the product of all digits in the [ticket|locker|order|serial] number {number}",
        ),
        "count": (
            "how many digits does {number} have?",
            "count the digits of {number}",
            "how many digits are there in the [ticket|locker|order|serial] number {number}?",
        ),
    },
    slots={"number": Slot(r"\d{1,18}(?![\d.,]*\d)", int)},
    draw=lambda rng, op: {"number": rng.randint(11_111, 9_999_999)},
    answer=_digits,
    steps=lambda values: (
        (" * " if values["op"] == "product" else " + ").join(str(values["number"]))
        if values["op"] != "count"
        else f"The digits: {', '.join(str(values['number']))}"
    ),
    same="number",
)

FAMILIES = (
    arithmetic,
    percentage,
    divisors,
    sequence,
    rounding,
    digit_sum,
)
