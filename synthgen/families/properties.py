"""Families that classify by a property that is the same for everyone: even or odd, vowel or consonant."""

from __future__ import annotations

import random

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import Slot, choice, integer
from synthgen.families.vocabulary import DAYS, MONTHS, NOUNS, WORDS

parity = Family(
    name="parity",
    task_type="classification",
    phrasings={
        "all": (
            "is [this|the following|the given] number even or odd?",
            "classify [this|the following|the given] number as even or odd",
            "decide whether the [number|integer] [below|given here] is even or odd",
            "label the [given|following] [integer|whole number] as even or odd",
            "would you call [this|the following] [integer|number] even or odd?",
            "say if [this|the following] [house|ticket|seat|page] number is even or odd",
        )
    },
    slots={"number": integer()},
    data="number",
    draw_data=lambda rng, values: rng.randint(2, 99_999),
    answer=lambda values: "odd" if values["number"] % 2 else "even",
    steps=lambda values: (
        f"{values['number']} ends in {abs(values['number']) % 10}, so it can{'not' if values['number'] % 2 else ''} be "
        "divided by two."
    ),
    labels=lambda values: ("even", "odd"),
    closings="bare",
    same="caseless",
)


def _is_prime(n: int) -> bool:
    if n > 10**7:
        raise Unprovable("too large to try all divisors")
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))


def _divisible(values: Values) -> str:
    n, op = values["number"], values["op"]
    if op == "prime":
        return "yes" if _is_prime(n) else "no"
    if values["k"] < 1:
        raise Unprovable("no divisor")
    return "yes" if n % values["k"] == 0 else "no"


def _divisible_steps(values: Values) -> str:
    n = values["number"]
    if values["op"] == "divisible":
        return f"{n} = {n // values['k']} * {values['k']} + {n % values['k']}"
    divisor = next((d for d in range(2, int(abs(n) ** 0.5) + 1) if n % d == 0), None)
    return f"{n} = {divisor} * {n // divisor}" if divisor else f"No number from 2 to {int(abs(n) ** 0.5)} divides {n}."


def _draw_divisible(rng: random.Random, values: Values) -> int:
    if values["op"] == "prime":
        n = rng.randint(10, 999) * 2 + 1
        while rng.random() < 0.7 and not _is_prime(n):
            n = rng.randint(10, 999) * 2 + 1
        return n
    return rng.randint(4, 400) * (values["k"] if rng.random() < 0.5 else 1) + rng.choice((0, 0, 1))


divisibility = Family(
    name="divisibility",
    task_type="classification",
    phrasings={
        "divisible": (
            "is [this|the following] number divisible by {k}? Answer yes or no",
            "yes or no: does {k} divide [this|the following|the given] number without remainder?",
            "decide whether the number [below|given here] is a multiple of {k} (yes or no)",
            "say yes if [this|the following] [amount|count|number] can be shared evenly among {k}, and no if it cannot",
        ),
        "prime": (
            "is [this|the following] number a prime? Answer yes or no",
            "yes or no: is [this|the following|the given] number prime?",
            "decide whether the number [below|given here] is a prime number (yes or no)",
            "say yes if [this|the following] number has no divisors but 1 and itself, and no if it has others",
        ),
    },
    slots={"number": integer(7), "k": integer(3)},
    data="number",
    draw=lambda rng, op: {"k": rng.randint(3, 13)},
    draw_data=_draw_divisible,
    answer=_divisible,
    steps=_divisible_steps,
    labels=lambda values: ("yes", "no"),
    closings="bare",
    same="caseless",
)


def _initial(values: Values) -> str:
    first = values["word"][0].lower()
    if not "a" <= first <= "z" or first in "y":
        raise Unprovable("neither for certain")
    return "vowel" if first in "aeiou" else "consonant"


def _draw_initial(rng: random.Random, values: Values) -> str:
    words = rng.choice((NOUNS, WORDS["fruits"], WORDS["animals"], WORDS["vegetables"]))
    vowel = rng.random() < 0.5
    return rng.choice([w for w in words if w[0] != "y" and (w[0] in "aeiou") is vowel])


first_letter = Family(
    name="first_letter",
    task_type="classification",
    phrasings={
        "all": (
            "does [this|the following] word begin with a vowel or a consonant?",
            "classify [this|the following] word by its first letter: vowel or consonant",
            "label the first letter of [this|the following|the given] word as vowel or consonant",
            "is the first letter of [this|the following] word a vowel or a consonant?",
            "decide whether the word [below|given here] starts with a vowel or a consonant",
            "vowel or consonant: what does [this|the following] word start with?",
        )
    },
    slots={
        "word": Slot(
            r'"[a-z][\w-]{1,30}"', lambda t: t.strip('"'), lambda v, rng: f'"{v}"', bare=r'"?[a-z][\w-]{1,30}"?'
        )
    },
    data="word",
    draw_data=_draw_initial,
    answer=_initial,
    steps=lambda values: f"The first letter is {values['word'][0]}.",
    labels=lambda values: ("vowel", "consonant"),
    closings="bare",
    same="caseless",
)


_SEASONS = (
    "winter",
    "winter",
    "spring",
    "spring",
    "spring",
    "summer",
    "summer",
    "summer",
    "autumn",
    "autumn",
    "autumn",
    "winter",
)


def _calendar(values: Values) -> str:
    op = values["op"]
    term = values["term"]
    if op == "weekend":
        if term not in range(100, 107):
            raise Unprovable("no weekday")
        return "weekend" if term >= 105 else "workday"
    if term > 12:
        raise Unprovable("no month")
    if op == "quarter":
        return f"Q{(term - 1) // 3 + 1}"
    return _SEASONS[term - 1]


calendar_class = Family(
    name="calendar_class",
    task_type="classification",
    phrasings={
        "weekend": (
            "is [this|the following] day a workday (Monday to Friday) or part of the weekend? Answer workday or "
            "weekend",
            "label [this|the following|the given] day as workday (Monday to Friday) or weekend",
            "classify the day [below|given here]: workday for Monday to Friday, weekend for the other two",
        ),
        "quarter": (
            "which quarter of the calendar year does [this|the following] month belong to: Q1, Q2, Q3 or Q4?",
            "label [this|the following|the given] month with its quarter of the year (Q1, Q2, Q3 or Q4)",
            "assign the month [below|given here] to Q1, Q2, Q3 or Q4 of the calendar year",
        ),
        "season": (
            "which season of the northern half of the world is [this|the following] month counted to by weather "
            "services: "
            "winter (from December), spring (from March), summer (from June) or autumn (from September)?",
            "label [this|the following|the given] month by season: spring from March, summer from June, autumn from "
            "September, winter from December, three months each",
            "sort the month [below|given here] into spring (March to May), summer (June to August), autumn "
            "(September to "
            "November) or winter",
        ),
    },
    slots={
        "term": choice(
            {**{m: i for i, m in enumerate(MONTHS, 1)}, **{d: 100 + i for i, d in enumerate(DAYS)}},
        )
    },
    data="term",
    draw_data=lambda rng, values: 100 + rng.randrange(7) if values["op"] == "weekend" else rng.randint(1, 12),
    answer=_calendar,
    labels=lambda values: {
        "weekend": ("workday", "weekend"),
        "quarter": ("Q1", "Q2", "Q3", "Q4"),
        "season": ("winter", "spring", "summer", "autumn"),
    }[values["op"]],
    closings="bare",
    same="caseless",
)

FAMILIES = (
    parity,
    divisibility,
    first_letter,
    calendar_class,
)
