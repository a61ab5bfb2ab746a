"""A family that finds a detail in a message."""

from __future__ import annotations

import random
import re

from synthgen.families.clocks import clock
from synthgen.families.family import Family
from synthgen.families.slots import quoted
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import CITIES, GOODS, MONTHS, NAMES, WORDS

_FINDERS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "price": re.compile(r"(?<![\w.,])\d+(?:\.\d\d)?(?= euros\b)"),
    "time": re.compile(r"(?<![\w:])\d{1,2}:\d\d(?![\w:])"),
    "code": re.compile(r"(?<![\w-])[A-Z]{2}-\d{3,6}(?![\w-])"),
    "hashtag": re.compile(r"(?<!\w)#\w+"),
}


def _found(values: Values) -> str:
    found = _FINDERS[values["op"]].findall(values["text"])
    if len(found) != 1:
        raise Unprovable("not just one is there")
    return str(found[0])


def _draw_message(rng: random.Random, values: Values) -> str:
    person, city, goods = rng.choice(NAMES), rng.choice(CITIES), rng.choice(GOODS)
    month = rng.choice(MONTHS)
    email = f"{person}.{rng.choice(CITIES)}@{rng.choice(WORDS['fruits'])}.example".lower()
    parts = {
        "email": (f"write to {email}", f"reach me at {email}", f"my address is {email}"),
        "price": tuple(
            f"{s} {rng.randint(5, 90)}.{rng.randint(10, 99)} euros" for s in ("it costs", "I paid", "we owe")
        ),
        "time": tuple(
            f"{s} {clock(rng.randrange(1440))}" for s in ("we meet at", "the doors open at", "the train is at")
        ),
        "code": tuple(
            f"{s} {rng.choice('ABKLM')}{rng.choice('XYZ')}-{rng.randint(1000, 9999)}"
            for s in ("the order is", "please quote", "the ticket says")
        ),
        "hashtag": tuple(
            f"{s} #{rng.choice(WORDS['animals'])}{city.lower()}" for s in ("post it under", "the tag is", "use")
        ),
    }
    wanted = values["op"]
    chosen = [wanted, *rng.sample([kind for kind in sorted(parts) if kind != wanted], rng.randint(1, 2))]
    rng.shuffle(chosen)
    said = [rng.choice(parts[kind]) for kind in chosen]
    opening = rng.choice(
        (f"{person} from {city} here", f"Hello {person}", f"News from {city} in {month}", f"About the {goods}")
    )
    return f"{opening}: {', and '.join(said)}."


_NOTE = "[message|note|text]"


message_detail = Family(
    name="message_detail",
    task_type="extraction",
    phrasings={
        "email": (
            f"extract the e-mail address from [this|the following] {_NOTE}",
            f"which e-mail address does [this|the following] {_NOTE} [give|mention]?",
            f"find the [e-mail|mail] address in the {_NOTE} [below|given here]",
        ),
        "price": (
            f"extract the price in euros from [this|the following] {_NOTE}, digits only",
            f"how many euros does [this|the following] {_NOTE} mention? Give the number as it is written",
            f"find the amount in euros in the {_NOTE} [below|given here] and write it without the currency",
        ),
        "time": (
            f"extract the time of day from [this|the following] {_NOTE}",
            f"which time of day does [this|the following] {_NOTE} [give|mention]?",
            f"find the time of day in the {_NOTE} [below|given here], as it is written",
        ),
        "code": (
            f"extract the reference code (two letters, a hyphen, digits) from [this|the following] {_NOTE}",
            f"which reference code of two letters, a hyphen and digits does [this|the following] {_NOTE} hold?",
            f"find the code made of two capitals, a hyphen and digits in the {_NOTE} [below|given here]",
        ),
        "hashtag": (
            f"extract the hashtag from [this|the following] {_NOTE}",
            f"which hashtag does [this|the following] {_NOTE} [give|mention]?",
            f"find the hashtag in the {_NOTE} [below|given here]",
        ),
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_draw_message,
    answer=_found,
)

FAMILIES = (message_detail,)
