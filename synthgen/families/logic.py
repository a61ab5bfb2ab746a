"""Families about true and false."""

from __future__ import annotations

import random
from typing import Any

from synthgen.families.expressions import Logic
from synthgen.families.family import Family
from synthgen.families.slots import Slot
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import NAMES


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

FAMILIES = (boolean_logic, syllogism)
