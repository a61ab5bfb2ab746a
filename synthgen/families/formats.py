"""Families whose answers have a form to keep: lists written in another way, words repeated, text laid out."""

from __future__ import annotations

import random
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import choice, terms, word
from synthgen.families.vocabulary import ADJECTIVES, NOUNS, WORDS

SEPARATORS = {
    "a semicolon and a space": "; ",
    "a slash with a space on each side": " / ",
    "a plus sign with a space on each side": " + ",
    "a hyphen with a space on each side": " - ",
    "a vertical bar with a space on each side": " | ",
    "an arrow (->) with a space on each side": " -> ",
    "a single space": " ",
    "a colon without spaces": ":",
}
"""What may stand between items, by name."""

_SEPARATOR = choice({name: name for name in SEPARATORS})


def _listed(values: Values) -> str:
    items, op = values["items"], values["op"]
    if op == "bullets":
        return "\n".join(f"- {item}" for item in items)
    if op == "numbered":
        return "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1))
    if op == "lines":
        return "\n".join(items)
    if op == "and":
        return f"{', '.join(items[:-1])} and {items[-1]}"
    return SEPARATORS[values["separator"]].join(items)


def _draw_items(rng: random.Random, values: Values) -> list[str]:
    return rng.sample(WORDS[rng.choice(sorted(WORDS))], rng.randint(3, 6))


_KIND = "[items|names|words|entries]"

list_layout = Family(
    name="list_layout",
    task_type="rewriting",
    phrasings={
        "bullets": (
            f"[write|turn] [these|the following] {_KIND} [as|into] a bullet list with a hyphen and a space before each",
            f"make a bulleted list of [these|the following] {_KIND}, one per line, each after a hyphen and a space",
        ),
        "numbered": (
            f"[write|turn] [these|the following] {_KIND} [as|into] a numbered list in the style 1. 2. 3.",
            f"number [these|the following] {_KIND}, one per line, with a full stop and a space after each number",
        ),
        "lines": (
            f"put each of [these|the following] {_KIND} on a line of its own, without commas",
            f"split [these|the following] {_KIND} into one per line, nothing else",
        ),
        "and": (
            f"join [these|the following] {_KIND} with commas, but with the word and, without a comma, before the last",
            f"how do you list [these|the following] {_KIND} in a sentence, with and instead of the last comma?",
        ),
        "separator": (
            f"separate [these|the following] {_KIND} by {{separator}} instead of commas",
            f"[write|join] [these|the following] {_KIND} on one line with {{separator}} between them",
            "how does [this|the following] list look with {separator} in place of each comma?",
        ),
    },
    slots={"items": terms(), "separator": _SEPARATOR},
    data="items",
    draw=lambda rng, op: {"separator": rng.choice(sorted(SEPARATORS))},
    draw_data=_draw_items,
    answer=_listed,
    closings="bare",
    strict=True,
)


def _repeated(values: Values) -> str:
    n, text = values["n"], values["word"]
    if not 1 <= n <= 50:
        raise Unprovable("too many")
    if values["op"] == "spaces":
        return " ".join([text] * n)
    if values["op"] == "commas":
        return ", ".join([text] * n)
    if values["op"] == "lines":
        return "\n".join([text] * n)
    return str(text * n)


_TIMES = {
    w: i
    for i, w in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 2
    )
}


def _draw_repeated(rng: random.Random, op: str) -> dict[str, Any]:
    return {"n": rng.randint(2, 12), "word": rng.choice(rng.choice((NOUNS, ADJECTIVES, WORDS["fruits"])))}


repeat_word = Family(
    name="repeat_word",
    task_type="rewriting",
    phrasings={
        "spaces": (
            "write the word {word} {n} times, separated by spaces",
            "repeat {word} {n} times with a space between the words",
            "say {word} {n} times in a row, on one line, with single spaces",
            "what does a line with the word {word} {n} times, separated by spaces, look like?",
        ),
        "commas": (
            "write the word {word} {n} times, separated by a comma and a space",
            "repeat {word} {n} times with a comma and a space between the words",
            "list {word} {n} times on one line, with commas followed by a space",
        ),
        "lines": (
            "write the word {word} {n} times, each time on a new line",
            "repeat {word} {n} times, one per line",
            "fill {n} lines with the single word {word}",
            "how do {n} lines look that each hold just the word {word}?",
        ),
        "joined": (
            "write the word {word} {n} times without any spaces between",
            "repeat {word} {n} times as one long string without spaces",
            "chain {word} to itself so that it stands there {n} times, with nothing in between",
        ),
    },
    slots={"word": word(), "n": choice({**_TIMES, **{str(i): i for i in _TIMES.values()}})},
    draw=_draw_repeated,
    answer=_repeated,
    closings="bare",
    strict=True,
)


def _cut(values: Values) -> str:
    items, n = values["items"], values["n"]
    if not 1 <= n < len(items):
        raise Unprovable("the list is not that long")
    return ", ".join({"first": items[:n], "last": items[-n:], "without": items[n:]}[values["op"]])


list_part = Family(
    name="list_part",
    task_type="extraction",
    phrasings={
        "first": (
            f"give [only|just] the first {{n}} {_KIND} of [this|the following] list, separated by commas",
            f"which are the first {{n}} {_KIND} of [this|the following] list? Separate them by commas",
            f"shorten [this|the following] list to its first {{n}} {_KIND}, separated by commas",
        ),
        "last": (
            f"give [only|just] the last {{n}} {_KIND} of [this|the following] list, in their order and separated by "
            "commas",
            f"which are the last {{n}} {_KIND} of [this|the following] list? Keep their order and separate them by "
            "commas",
            f"shorten [this|the following] list to its last {{n}} {_KIND}, in the same order, separated by commas",
        ),
        "without": (
            f"leave out the first {{n}} {_KIND} of [this|the following] list and give the rest, separated by commas",
            f"what remains of [this|the following] list without its first {{n}} {_KIND}? Separate by commas",
            f"cut the first {{n}} {_KIND} off [this|the following] list; give the others, separated by commas",
        ),
    },
    slots={"items": terms(), "n": choice({**{k: v for k, v in _TIMES.items() if v < 5}, "2": 2, "3": 3, "4": 4})},
    data="items",
    draw=lambda rng, op: {"n": rng.randint(2, 4)},
    draw_data=lambda rng, values: rng.sample(WORDS[rng.choice(sorted(WORDS))], rng.randint(values["n"] + 2, 8)),
    answer=_cut,
    closings="letters",
    strict=True,
)

FAMILIES = (list_layout, repeat_word, list_part)
