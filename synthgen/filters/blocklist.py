"""Drops texts with unwanted words."""

from __future__ import annotations

from synthgen.matching.words import Field, normal, text_of, word_pattern
from synthgen.records import Drop, Record


def blocklist(record: Record, *, words: tuple[str, ...], field: Field = "instruction") -> Drop | None:
    """`blocked_word` where one of the words or phrases stands in the text as a whole word, whatever its case.

    What a whole word is depends on the script: see `word_matching`.
    """
    found = word_pattern(tuple(words)).search(normal(text_of(record, field) or ""))
    return Drop("blocked_word", detail=f"{field}: {found.group()!r}") if found else None
