"""Families that write the letters of a phrase in another way."""

from __future__ import annotations

import random
import re

from synthgen.families.family import Family
from synthgen.families.slots import integer, quoted
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import a_phrase, a_word


def _changed(values: Values) -> str:
    text, op = values["text"], values["op"]
    if op == "upper":
        return str(text.upper())
    words = text.split()
    if not re.fullmatch(r"[a-z0-9 ]+", text):
        raise Unprovable("capitals and signs may be treated in several ways")
    if op == "title":
        return " ".join(w[0].upper() + w[1:] for w in words)
    if op in ("snake", "kebab"):
        return {"snake": "_", "kebab": "-"}[op].join(words)
    capitals = "".join(w[0].upper() + w[1:] for w in words)
    return capitals if op == "pascal" else words[0] + capitals[len(words[0]) :]


def _draw_changed(rng: random.Random, values: Values) -> str:
    return f"{a_phrase(rng)} {rng.choice(('of', 'for', 'with', 'near', 'and'))} {a_phrase(rng)}"


change_case = Family(
    name="change_case",
    task_type="rewriting",
    phrasings={
        "snake": (
            "convert [this|the following] [phrase|text] to snake_case",
            "[write|rewrite] [this|the following] [phrase|label] in snake_case",
            "which snake_case name [fits|belongs to] [this|the following] [phrase|label]?",
        ),
        "kebab": (
            "convert [this|the following] [phrase|text] to kebab-case",
            "[write|rewrite] [this|the following] [phrase|label] in kebab-case",
            "what is the kebab-case form of [this|the following] [phrase|label]?",
        ),
        "camel": (
            "convert [this|the following] [phrase|text] to camelCase, with a small first letter",
            "turn [this|the following] [phrase|label] into a lower camelCase name",
            "which lowerCamelCase name do you get from [this|the following] [phrase|label]?",
        ),
        "pascal": (
            "convert [this|the following] [phrase|text] to PascalCase",
            "[write|rewrite] [this|the following] [phrase|label] as one PascalCase name",
            "what is the PascalCase form of [this|the following] [phrase|label]?",
        ),
        "upper": (
            "put [this|the following] [phrase|text] in upper case",
            "[write|rewrite] [this|the following] [phrase|line] with upper-case letters only",
            "how does [this|the following] [phrase|label] look in upper case?",
        ),
        "title": (
            "capitalise the first letter of [every|each] word in [this|the following] [phrase|title]",
            "[write|rewrite] [this|the following] [phrase|title] with a capital at the start of [every|each] word",
            "how is [this|the following] [phrase|title] written if [every|each] word begins with a capital?",
        ),
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_draw_changed,
    answer=_changed,
    strict=True,
)


def _shifted(values: Values) -> str:
    step = values["n"] if values["op"] == "forward" else -values["n"]
    if re.search(r"[^\W\d_]", values["text"]) is None or not values["text"].isascii():
        raise Unprovable("no letters of the alphabet from a to z")

    def moved(c: str) -> str:
        if not c.isalpha():
            return c
        base = ord("A") if c.isupper() else ord("a")
        return chr((ord(c) - base + step) % 26 + base)

    return "".join(map(moved, values["text"]))


def _shift_steps(values: Values) -> str:
    new = _shifted(values)
    pairs = (f"{a} -> {b}" for a, b in zip(values["text"], new, strict=True) if a.isalpha())
    return ", ".join(dict.fromkeys(pairs))


caesar_shift = Family(
    name="caesar_shift",
    task_type="rewriting",
    phrasings={
        "forward": (
            "shift every letter of [this|the following] [word|text] {n} places forward in the alphabet",
            "[encode|encrypt] [this|the following] [word|message] with a Caesar shift of {n}",
            "what does [this|the following] [word|text] become if each letter moves {n} places forward in the "
            "alphabet?",
            "apply a Caesar cipher with a forward shift of {n} to [this|the following] [word|message]",
        ),
        "back": (
            "shift every letter of [this|the following] [word|text] {n} places back in the alphabet",
            "[decode|decrypt] [this|the following] [word|message], which was made with a Caesar shift of {n}",
            "what does [this|the following] [word|text] become if each letter moves {n} places back in the alphabet?",
            "undo a Caesar cipher with a forward shift of {n} in [this|the following] [word|message]",
        ),
    },
    slots={"text": quoted(), "n": integer(2)},
    data="text",
    draw=lambda rng, op: {"n": rng.randint(2, 12)},
    draw_data=lambda rng, values: a_phrase(rng) if rng.random() < 0.5 else a_word(rng),
    answer=_shifted,
    steps=_shift_steps,
    strict=True,
)

FAMILIES = (
    change_case,
    caesar_shift,
)
