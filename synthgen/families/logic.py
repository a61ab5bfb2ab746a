"""Families about true and false, order, and rules that the instruction states."""

from __future__ import annotations

import random
import re
from typing import Any

from synthgen.families.expressions import Logic
from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import Slot, integer, name, quoted
from synthgen.families.vocabulary import CITIES, GOODS, NAMES, PLACES


def _read_logic(text: str) -> str:
    logic = Logic(text)
    if not logic.steps:
        raise ValueError("nothing to work out")
    return text


def _truth(rng: random.Random) -> str:
    return rng.choice(("true", "false"))


def _draw_logic(rng: random.Random, values: Values) -> str:
    a, b, c, d = (_truth(rng) for _ in range(4))
    join, other = rng.sample(("and", "or"), 2)
    return rng.choice(
        (
            f"{a} {join} not {b}",
            f"({a} {join} {b}) {other} {c}",
            f"not ({a} {join} {b})",
            f"not {a} {join} ({b} {other} {c})",
            f"({a} {other} not {b}) {join} ({c} {other} {d})",
            f"{a} and {b} or {c} and {d}",
        )
    )


boolean_logic = Family(
    name="boolean_logic",
    task_type="classification",
    phrasings={
        "all": (
            "is [this|the following] expression true or false?",
            "[evaluate|work out] [this|the following|the given] logical expression (true or false)",
            "what is the truth value of [this|the following] expression, true or false?",
            "decide whether the logical expression [below|given here] comes out true or false",
            "simplify [this|the following] [condition|formula] to true or false",
            "with not before and, and and before or: does [this|the following] expression give true or false?",
        )
    },
    slots={
        "expression": Slot(r"(?:\(|not\b|true\b|false\b)(?:[()\s]|not\b|and\b|or\b|true\b|false\b){3,200}", _read_logic)
    },
    data="expression",
    draw_data=_draw_logic,
    answer=lambda values: "true" if Logic(values["expression"]).value else "false",
    steps=lambda values: "\n".join(Logic(values["expression"]).steps),
    labels=lambda values: ("true", "false"),
    closings="bare",
    same="caseless",
)


def _follows(values: Values) -> str:
    p, q, x = values["p"], values["q"], values["name"]
    if p == q or not x:
        raise Unprovable("the rule says nothing")
    return {"all_yes": "yes", "all_open": "unknown", "no_yes": "no", "contra": "no"}[values["op"]]


def _follow_steps(values: Values) -> str:
    p, q, x = values["p"], values["q"], values["name"]
    return {
        "all_yes": f"{x} is a {p}, and each of these is a {q}.",
        "all_open": f"Each {p} is a {q}, but nothing says that each {q} is a {p}.",
        "no_yes": f"{x} is a {p}, and none of these is a {q}.",
        "contra": f"If {x} were a {p}, {x} would be a {q}, which is not so.",
    }[values["op"]]


_MADE_UP = [
    "blick",
    "dorf",
    "fendle",
    "glim",
    "harn",
    "jopper",
    "kestin",
    "lomble",
    "murk",
    "nabbit",
    "orlin",
    "pex",
    "quarn",
    "riddick",
    "sprell",
    "tarn",
    "ulver",
    "vosk",
    "wimble",
    "yarrow",
    "zindle",
    "brock",
    "crell",
    "drumlin",
    "frobe",
    "grindle",
    "hask",
    "immer",
    "jask",
    "kolm",
    "lurvin",
    "mellock",
    "nirk",
    "pollen",
    "rusk",
    "snorp",
    "tiller",
]


def _draw_follows(rng: random.Random, op: str) -> dict[str, Any]:
    p, q = rng.sample(_MADE_UP, 2)
    return {"p": p, "q": q, "name": rng.choice(NAMES)}


_YES_NO = "Answer yes, no or unknown"

syllogism = Family(
    name="syllogism",
    task_type="classification",
    phrasings={
        "all_yes": (
            f"Every {{p}} is {{a:q}}. {{name}} is {{a:p}}. Is {{name}} {{a:q}}? {_YES_NO}",
            f"Each {{p}} counts as {{a:q}}, and {{name}} is {{a:p}}. Does {{name}} count as {{a:q}}? {_YES_NO}",
        ),
        "all_open": (
            f"Every {{p}} is {{a:q}}. {{name}} is {{a:q}}. Is {{name}} {{a:p}}? {_YES_NO}",
            f"Each {{p}} counts as {{a:q}}, and {{name}} is {{a:q}}. Does {{name}} count as {{a:p}}? {_YES_NO}",
        ),
        "no_yes": (
            f"No {{p}} is {{a:q}}. {{name}} is {{a:p}}. Is {{name}} {{a:q}}? {_YES_NO}",
            f"Not a single {{p}} counts as {{a:q}}, and {{name}} is {{a:p}}. Does {{name}} count as {{a:q}}? {_YES_NO}",
        ),
        "contra": (
            f"Every {{p}} is {{a:q}}. {{name}} is not {{a:q}}. Is {{name}} {{a:p}}? {_YES_NO}",
            f"Each {{p}} counts as {{a:q}}, but {{name}} is no {{q}}. Does {{name}} count as {{a:p}}? {_YES_NO}",
        ),
    },
    slots={
        "p": Slot(r"[a-z]+", str.lower),
        "q": Slot(r"[a-z]+", str.lower),
        "name": Slot(r"[^\W\d_][\w-]*", str),
    },
    draw=_draw_follows,
    answer=_follows,
    steps=_follow_steps,
    labels=lambda values: ("yes", "no", "unknown"),
    closings="bare",
    same="caseless",
)

LOGIC = (boolean_logic, syllogism)


def _ranked(values: Values) -> list[str]:
    """The people from most to least of the quality; raises `Unprovable` where the story does not fix the order."""
    above = [(values["p"], values["q"]), (values["r"], values["s"]), (values["t"], values["u"])]
    people = {person for pair in above for person in pair}
    if len(people) != 4:
        raise Unprovable("not four people")
    order: list[str] = []
    while people:
        top = [p for p in people if all(low != p for high, low in above if high in people)]
        if len(top) != 1:
            raise Unprovable("the order is open")
        order.append(top[0])
        people.remove(top[0])
    return order


def _rank(values: Values) -> str:
    return _ranked(values)[{"most": 0, "second": 1, "least": -1}[values["op"]]]


def _draw_ranked(rng: random.Random, op: str) -> dict[str, Any]:
    a, b, c, d = rng.sample(NAMES, 4)
    pairs = [(a, b), (b, c), (c, d)]
    rng.shuffle(pairs)
    flat = [person for pair in pairs for person in pair]
    return dict(zip("pqrstu", flat, strict=True))


def _ranking(compared: str, asked: str) -> tuple[str, str]:
    return (
        f"{{p}} is {compared} than {{q}}. {{r}} is {compared} than {{s}}. {{t}} is {compared} than {{u}}. Who is "
        f"{asked}?",
        f"If {{p}} is {compared} than {{q}}, {{r}} is {compared} than {{s}} and {{t}} is {compared} than {{u}}, "
        f"who of the four is {asked}?",
    )


ranking = Family(
    name="ranking",
    task_type="reasoning",
    phrasings={
        "most": (
            *_ranking("taller", "the tallest"),
            *_ranking("older", "the oldest"),
            *_ranking("faster", "the fastest"),
            *_ranking("stronger", "the strongest"),
        ),
        "least": (
            *_ranking("taller", "the shortest"),
            *_ranking("older", "the youngest"),
            *_ranking("faster", "the slowest"),
        ),
        "second": (
            *_ranking("taller", "the second tallest"),
            *_ranking("older", "the second oldest"),
            *_ranking("faster", "the second fastest"),
        ),
    },
    slots={letter: name() for letter in "pqrstu"},
    draw=_draw_ranked,
    answer=_rank,
    steps=lambda values: f"From first to last: {', '.join(_ranked(values))}.",
    same="caseless",
    closings="letters",
)

RANKING = (ranking,)


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

RULES = (
    comparison,
    thresholds,
    routing,
)
