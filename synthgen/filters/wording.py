"""Filters by the words of a text: how many, which ones, how it begins, addresses in it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field as Setting

from synthgen.errors import ConfigError
from synthgen.matching.words import Field, normal, text_of, word_pattern
from synthgen.records import Drop, Record
from synthgen.text import word_count


def blocklist(record: Record, *, words: tuple[str, ...], field: Field = "instruction") -> Drop | None:
    """`blocked_word` where one of the words or phrases stands in the text as a whole word, whatever its case.

    What a whole word is depends on the script: see `synthgen.matching.words.word_pattern`.
    """
    found = word_pattern(tuple(words)).search(normal(text_of(record, field) or ""))
    return Drop("blocked_word", detail=f"{field}: {found.group()!r}") if found else None


def length(
    record: Record,
    *,
    min_words: int | None = None,
    max_words: int | None = None,
    field: Field = "instruction",
    faithful: bool = False,
) -> Drop | None:
    """`too_short` under `min_words` words, `too_long` over `max_words`; both bounds are kept. None is no bound.

    Self-Instruct and Alpaca keep instructions of 4 to 150 words. Words are counted as their script has them;
    `faithful` counts what white space separates, as the originals do, so that a Chinese sentence is one word.

    Raises:
        ConfigError: neither bound is given.
    """
    if min_words is None and max_words is None:
        raise ConfigError("the filter length has no bound", hint="give it min_words, max_words or both")
    text = text_of(record, field)
    if text is None:
        return None
    words = len(text.split()) if faithful else word_count(text)
    if min_words is not None and words < min_words:
        return Drop("too_short", score=words, limit=min_words, detail=f"{field}: {words} words")
    if max_words is not None and words > max_words:
        return Drop("too_long", score=words, limit=max_words, detail=f"{field}: {words} words")
    return None


PROGRAM = ("Write a program",)
"""Self-Instruct and Alpaca drop this opening: their teacher put it before tasks that have no use for a program."""


def openings(
    record: Record, *, openings: tuple[str, ...] = PROGRAM, field: Field = "instruction", faithful: bool = False
) -> Drop | None:
    """`unwanted_opening` where the text begins with one of the phrases as whole words, whatever their case.

    `faithful` compares letters, so that `Write a programme` counts and `write a program` does not.
    """
    text = text_of(record, field) or ""
    if faithful:
        found = next((opening for opening in openings if text.startswith(opening)), None)
    else:
        match = word_pattern(tuple(openings)).match(normal(text.lstrip()))
        found = match.group() if match else None
    return Drop("unwanted_opening", detail=f"{field}: {found!r}") if found else None


URL = re.compile(
    r"(?P<named>\[(?![^\]\n]{0,100}\b(?:this|here|links?|article|page|site|post|video)\b)[^\]\n]{1,100}\]\()?"
    r"(?:https?://|(?<![\w.@])www\.)(?P<host>[\w-]+(?:\.[\w-]+)*)(?::\d+)?(?P<place>/?[^\s<>\"'）。，」]*)",
    re.IGNORECASE,
)
RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost)$", re.IGNORECASE)
"""Names that lead nowhere and stand for any other (RFC 2606)."""


def urls(
    record: Record,
    *,
    limit: Annotated[int, Setting(ge=0)] = 0,
    fields: tuple[Field, ...] = ("instruction", "input"),
) -> Drop | None:
    """`too_many_urls` where the texts hold more than `limit` links to something that one would have to read.

    A model that cannot open a link has to make up what it holds.

    Not counted: hosts without a path (`https://abc.com` is a name), Markdown links whose text names what they point at
    (`[ISO 8601](…)`, not `[this article](…)`), and hosts that lead nowhere, such as `example.com`.
    """
    found = [
        match.group()
        for field in fields
        for match in URL.finditer(text_of(record, field) or "")
        if not match["named"] and match["place"].strip("/.,;:!?)") and not RESERVED.search(match["host"])
    ]
    if len(found) <= limit:
        return None
    return Drop("too_many_urls", score=len(found), limit=limit, detail=found[limit])
