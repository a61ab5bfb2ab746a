"""Families that classify by a rule the instruction states."""

from __future__ import annotations

import random
import re
from typing import Any

from synthgen.families.family import Family
from synthgen.families.slots import Slot, integer, quoted
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import CITIES, GOODS, NAMES, PLACES

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

FAMILIES = (
    comparison,
    thresholds,
    routing,
)
