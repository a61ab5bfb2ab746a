"""Drops texts that begin with unwanted words."""

from __future__ import annotations

from synthgen.matching.words import Field, normal, text_of, word_pattern
from synthgen.records import Drop, Record

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
