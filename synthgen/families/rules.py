"""Families that classify by a rule the instruction states or everyone knows."""

from __future__ import annotations

import random
import re
from typing import Any

from synthgen.families.family import Family
from synthgen.families.slots import Slot, choice, integer, quoted
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import CITIES, DAYS, GOODS, MONTHS, NAMES, NOUNS, PLACES, WORDS

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

_PAIR = Slot(
    r"-?\d{1,9}\s+(?:and|vs\.?|versus)\s+-?\d{1,9}",
    lambda text: tuple(int(n) for n in re.findall(r"-?\d+", text)),
    lambda value, rng: f"{value[0]} and {value[1]}",
)


def _draw_pair(rng: random.Random, values: Values) -> tuple[int, int]:
    a = rng.randint(10, 9999)
    return a, rng.choice((a, a + rng.randint(1, 90), a - rng.randint(1, 90), rng.randint(10, 9999)))


comparison = Family(
    name="comparison",
    task_type="classification",
    phrasings={
        "all": (
            "is the first of [these|the following] two numbers greater than, less than or equal to the second? Answer "
            "greater, less or equal",
            "compare [these|the following] two numbers: answer greater, less or equal for the first against the second",
            "label the first of [these|the following] numbers as greater, less or equal, seen from the second",
            "how does the first [number|score] compare with the second: greater, less or equal?",
            "classify the first of the two [scores|prices|weights] [below|given here] as greater, less or equal to "
            "the other",
            "decide if the first of [these|the following] two [scores|amounts] is greater, less or equal",
        )
    },
    slots={"pair": _PAIR},
    data="pair",
    draw_data=_draw_pair,
    answer=lambda values: (
        "equal"
        if values["pair"][0] == values["pair"][1]
        else ("greater" if values["pair"][0] > values["pair"][1] else "less")
    ),
    steps=lambda values: f"{values['pair'][0]} - {values['pair'][1]} = {values['pair'][0] - values['pair'][1]}",
    labels=lambda values: ("greater", "less", "equal"),
    closings="bare",
    same="caseless",
)

_SCALES = (
    ("temperature", ("cold", "mild", "hot"), (5, 30)),
    ("parcel weight", ("light", "medium", "heavy"), (2, 40)),
    ("score", ("poor", "fair", "good"), (20, 90)),
    ("age", ("junior", "adult", "senior"), (12, 70)),
    ("wind speed", ("calm", "breezy", "stormy"), (10, 80)),
    ("delay", ("short", "moderate", "long"), (5, 90)),
    ("noise level", ("quiet", "normal", "loud"), (30, 90)),
    ("stock", ("low", "enough", "high"), (10, 200)),
    ("price", ("cheap", "standard", "premium"), (10, 300)),
    ("distance", ("near", "regional", "far"), (5, 400)),
)


def _threshold(values: Values) -> str:
    low, high, n = values["low"], values["high"], values["number"]
    labels = _threshold_labels(values)
    if low >= high or len(set(labels)) < 3:
        raise Unprovable("the rule contradicts itself")
    return labels[0] if n < low else labels[1] if n < high else labels[2]


def _threshold_labels(values: Values) -> tuple[str, ...]:
    return values["x"], values["y"], values["z"]


def _draw_threshold(rng: random.Random, op: str) -> dict[str, Any]:
    what, labels, (bottom, top) = rng.choice(_SCALES)
    low = rng.randint(bottom, (bottom + top) // 2)
    x, y, z = labels
    return {"what": what, "x": x, "y": y, "z": z, "low": low, "high": low + rng.randint(4, top)}


def _draw_measured(rng: random.Random, values: Values) -> int:
    low, high = values["low"], values["high"]
    return rng.choice(
        (rng.randint(max(low - 30, 0), low), low, rng.randint(low, high), high - 1, high, rng.randint(high, high + 60))
    )


_LABEL = Slot(r"""["'][a-z][a-z-]{1,20}["']|[a-z][a-z-]{1,20}""", lambda text: text.strip("\"'"))

thresholds = Family(
    name="thresholds",
    task_type="classification",
    phrasings={
        "all": (
            "classify [this|the following] {what}: {x} below {low}, {y} from {low} to below {high}, {z} from {high} on",
            "label the {what} [below|given here] as {x} if it is under {low}, {z} if it is at least {high}, and {y} "
            "in between",
            "is [this|the following] {what} {x} (less than {low}), {y} (from {low}, but less than {high}) or {z} "
            "({high} or "
            "more)?",
            "sort [this|the following] {what} into {x}, {y} or {z}, where {y} begins at {low} and {z} begins at {high}",
            "which class does [this|the following] {what} [get|belong to]: {x} for less than {low}, {z} for {high} "
            "or more, {y} "
            "for the rest?",
            "assign [this|the following] {what} one label: under {low} is {x}, {high} or above is {z}, and "
            "everything else "
            "is {y}",
        )
    },
    slots={
        "number": integer(6),
        "what": Slot(r"[a-z]+(?: [a-z]+)?", str),
        "x": _LABEL,
        "y": _LABEL,
        "z": _LABEL,
        "low": integer(6),
        "high": integer(6),
    },
    data="number",
    draw=_draw_threshold,
    draw_data=_draw_measured,
    answer=_threshold,
    steps=lambda values: (
        f"{values['number']} is {'below' if values['number'] < values['low'] else 'not below'} {values['low']} and "
        f"{'below' if values['number'] < values['high'] else 'not below'} {values['high']}."
    ),
    labels=_threshold_labels,
    closings="bare",
    same="caseless",
)

_TOPIC_WORDS = {
    "billing": ("invoice", "refund", "payment"),
    "delivery": ("parcel", "courier", "shipping"),
    "booking": ("reservation", "seat", "table"),
    "repair": ("broken", "leak", "warranty"),
    "account": ("password", "login", "profile"),
    "food": ("menu", "allergy", "lunch"),
    "travel": ("flight", "luggage", "passport"),
    "sport": ("match", "coach", "league"),
}


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.IGNORECASE) is not None


def _routed(values: Values) -> str:
    text = values["text"]
    first, second = _has_word(text, values["p"]), _has_word(text, values["q"])
    if len({values["x"], values["y"], "other"}) < 3 or (first and second):
        raise Unprovable("the rule fits twice")
    return str(values["x"] if first else values["y"] if second else "other")


def _draw_route(rng: random.Random, op: str) -> dict[str, Any]:
    x, y = rng.sample(sorted(_TOPIC_WORDS), 2)
    return {"x": x, "y": y, "p": rng.choice(_TOPIC_WORDS[x]), "q": rng.choice(_TOPIC_WORDS[y])}


def _draw_routed(rng: random.Random, values: Values) -> str:
    every = [w for ws in _TOPIC_WORDS.values() for w in ws if w not in (values["p"], values["q"])]
    key = rng.choice((values["p"], values["q"], rng.choice(every)))
    person, place, city = rng.choice(NAMES), rng.choice(PLACES), rng.choice(CITIES)
    return rng.choice(
        (
            f"Hello, I wrote to the {place} in {city} about the {key} and got no reply.",
            f"{person} asks what happened to the {key} from last week.",
            f"There is a question on the {key} for the {place}, says {person}.",
            f"Can someone in {city} tell {person} more about the {key}?",
            f"We talked about {rng.choice(GOODS)} and the {key} with {person}.",
        )
    )


_MAIL = "[message|request|e-mail|comment]"

routing = Family(
    name="routing",
    task_type="classification",
    phrasings={
        "all": (
            f"classify [this|the following] {_MAIL}: {{x}} if it has the word {{p}}, {{y}} if it has the word {{q}}, "
            "else other",
            f"label [this|the following] {_MAIL} as {{x}} when it mentions {{p}}, as {{y}} when it mentions {{q}}, "
            "and otherwise "
            "as other",
            f"sort the {_MAIL} [below|given here]: the word {{p}} means {{x}}, the word {{q}} means {{y}}, and "
            "anything else "
            "means other",
            f"which desk gets [this|the following] {_MAIL}: {{x}} (it says {{p}}), {{y}} (it says {{q}}) or other?",
            f"decide where [this|the following] {_MAIL} goes: {{x}} for {{p}}, {{y}} for {{q}}, other for everything "
            "else",
            f"assign one label to [this|the following] {_MAIL}. With the word {{p}} it is {{x}}, with {{q}} it is "
            f"{{y}}, "
            "without either it is other",
        )
    },
    slots={
        "text": quoted(),
        "x": _LABEL,
        "y": _LABEL,
        "p": Slot(_LABEL.pattern, _LABEL.read, lambda v, rng: f'"{v}"'),
        "q": Slot(_LABEL.pattern, _LABEL.read, lambda v, rng: f'"{v}"'),
    },
    data="text",
    draw=_draw_route,
    draw_data=_draw_routed,
    answer=_routed,
    steps=lambda values: "; ".join(
        f"{'has' if _has_word(values['text'], values[k]) else 'lacks'} the word {values[k]}" for k in "pq"
    ),
    labels=lambda values: (values["x"], values["y"], "other"),
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

FAMILIES = (parity, divisibility, comparison, thresholds, routing, first_letter, calendar_class)
