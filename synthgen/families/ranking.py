"""A family about who is taller than whom."""

from __future__ import annotations

import random
from typing import Any

from synthgen.families.family import Family
from synthgen.families.slots import name
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import NAMES


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

FAMILIES = (ranking,)
