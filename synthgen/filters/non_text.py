"""Finds where a text asks for what no text can be, or points at what no text shows.

A word alone says little: `file a complaint`, `map each word`, `the plot of a film` and `a video's title` are all text.
So a sentence counts only where a verb that makes or shows has a medium as its object (`design a logo`), where it points
at one that is not there (`describe this photo`), or where it tells the reader to act (`click here`, `search the web`).
Left alone are sentences that ask how something is done, texts that ask for code or for a picture written as text, and
what stands in quotation marks or after a colon: that is material, not the request.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from synthgen.matching.languages import CODE, SPACED_LANGUAGES, UNSPACED_LANGUAGES, Words
from synthgen.matching.words import Field, FirstLook, text_of
from synthgen.records import Drop, Record

GAP = 4
"""How many words (articles, adjectives) may stand between a verb and its object."""

QUOTED = re.compile(
    r"\"[^\"\n]*\"|“[^”]{0,500}”|„[^“”]{0,500}[“”]|«[^»]{0,500}»|「[^」]{0,500}」|《[^》]{0,500}》|'(?<=\s')[^'\n]*'(?!\w)"
)
MATERIAL = re.compile(r"(?<=.{8})[:：](?=\s|$|[^\x00-\x7f]).*", re.DOTALL)
"""A colon and all after it, unless it follows a short label (`Task: draw a cat`)."""

SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


def find_request(text: str) -> str | None:
    """The words with which the text asks for more than text; None where it does not."""
    if not _first_look().may_match(text):
        return None
    for sentence in SENTENCE_END.split(MATERIAL.sub("", QUOTED.sub(" ", text))):
        for number in sorted(_first_look().may_match(sentence)):
            asks, how = _rules()[number]
            found = asks.search(sentence)
            if found and not how.search(sentence):
                return None if _code().search(text) else found.group().strip(" ,;(")
    return None


@cache
def _first_look() -> FirstLook:
    return FirstLook([asks.pattern for asks, _ in _rules()])


@cache
def _code() -> re.Pattern[str]:
    return re.compile(CODE, re.IGNORECASE)


@cache
def _rules() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    """Pairs: what asks for more than text, and what in the same sentence takes it back."""
    spaced = [(_asks(words), re.compile(rf"\b(?:{words.how})\b", re.IGNORECASE)) for words in SPACED_LANGUAGES]
    return (*spaced, *((re.compile(a, re.IGNORECASE), re.compile(how)) for a, how in UNSPACED_LANGUAGES))


def _asks(words: Words) -> re.Pattern[str]:
    clause = rf"(?:^\s*|[.!?;:,(]\s*|\b(?:{words.leads})\s+)"
    gap = rf"(?:\s+(?!(?:{words.breaks})\b)[\w'’-]+){{0,{GAP}}}?"
    after = rf"(?=\s*$|\s*[^\w\s'’-]|\s+(?:{words.after})\b)" if words.after else r"(?!['’-])"
    made = rf"{clause}(?:{words.make}){gap}\s+(?:(?:l|un)['’])?(?:{words.media})\b{after}"
    acted = rf"{clause}(?:{words.act})"
    seen = rf"\b(?:{words.see})\b{after}"
    return re.compile(f"{made}|{acted}|{seen}", re.IGNORECASE)


SELF_INSTRUCT = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps"),
    *("draw", "plot", "go to"),
)
ALPACA = (*SELF_INSTRUCT, "video", "audio", "music", "flowchart", "diagram")
"""The words of Self-Instruct (arXiv 2212.10560) and of Stanford Alpaca, as their code lists them."""


def non_text(
    record: Record, *, field: Field = "instruction", faithful: Literal[False, "self_instruct", "alpaca"] = False
) -> Drop | None:
    """`non_text_request` where the text asks for, or points at, what is not text; `detail` quotes it.

    Made for requests in English, German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese and Korean.
    `faithful` takes one of the published English word lists instead, wherever the word stands (`a film's plot` too).
    """
    text = text_of(record, field)
    if not text:
        return None
    if faithful:
        match = _published(faithful).search(text)
        found = match.group() if match else None
    else:
        found = find_request(text)
    return Drop("non_text_request", detail=f"{field}: {found!r}") if found else None


@cache
def _published(method: Literal["self_instruct", "alpaca"]) -> re.Pattern[str]:
    words = ALPACA if method == "alpaca" else SELF_INSTRUCT
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)
