"""Families about the words of a sentence."""

from __future__ import annotations

import random
import re
from typing import Any

from synthgen.families.family import Family
from synthgen.families.slots import choice, quoted
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import sentence

ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "6th": 6, "7th": 7, "8th": 8,
}  # fmt: skip


def _words(text: str) -> list[str]:
    """The words without the punctuation around them."""
    return [w for w in (re.sub(r"^\W+|\W+$", "", part) for part in text.split()) if w]


def _reversed(values: Values) -> str:
    return " ".join(reversed(values["text"].split()))


reverse_words = Family(
    name="reverse_words",
    task_type="rewriting",
    phrasings={
        "all": (
            "reverse the order of the words in [this|the following|the given] [sentence|line|phrase]",
            "write the words of [this|the following] [sentence|line] in [reverse|opposite] order",
            "turn [this|the] [sentence|line] around word by word, so that the last word [comes|stands] first",
            "rewrite the [sentence|phrase|line] [below|given here] from its last word to its first",
            "[say|spell out] the [following|given] sentence backwards, word by word",
            "flip the word order of [this|the following] [text|sentence], but leave each word as it is",
            "how does [this|the following] sentence read with its words in reverse order?",
            "what do you get when the words of [this|the] [line|sentence] are put in reverse order?",
        )
    },
    slots={"text": quoted()},
    data="text",
    draw_data=lambda rng, values: sentence(rng),
    answer=_reversed,
    closings="letters",
)

count_words = Family(
    name="count_words",
    task_type="question_answering",
    phrasings={
        "all": (
            "how many words [does|do you count in|are there in] [this|the following] [sentence|line] [have|]?",
            "count the words in [this|the following|the given] [sentence|line|text]",
        )
    },
    slots={"text": quoted()},
    data="text",
    draw_data=lambda rng, values: sentence(rng),
    answer=lambda values: str(len(_words(values["text"]))),
    steps=lambda values: "\n".join(f"{i}: {w}" for i, w in enumerate(_words(values["text"]), 1)),
)


def _nth(values: Values) -> str:
    words = _words(values["text"])
    if values["n"] > len(words):
        raise Unprovable("the sentence has fewer words")
    return words[values["n"] - 1 if values["op"] == "start" else -values["n"]]


def _draw_nth(rng: random.Random, op: str) -> dict[str, Any]:
    return {"n": rng.randint(1 if op == "start" else 2, 7)}


nth_word = Family(
    name="nth_word",
    task_type="extraction",
    phrasings={
        "start": (
            "give the {n} word of [this|the following] [sentence|line]",
            "which word comes {n} in [this|the following] [sentence|line]?",
            "what is the {n} word in [this|the following|the given] [sentence|line|text]?",
        ),
        "end": (
            "which word [stands|is] {n} from the end [of|in] [this|the following] [sentence|line]?",
            "find the {n} to last word of [this|the following] [sentence|line]",
        ),
    },
    slots={"text": quoted(), "n": choice(ORDINALS)},
    data="text",
    draw=_draw_nth,
    draw_data=lambda rng, values: sentence(rng, values["n"]),
    answer=_nth,
    same="caseless",
    closings="letters",
)

FAMILIES = (reverse_words, count_words, nth_word)
