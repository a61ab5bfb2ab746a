"""Drops texts that begin with punctuation: mostly what a list or a cut sentence left behind."""

from __future__ import annotations

import string
import unicodedata

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record

OPENERS = frozenset("\"'`<$¿¡»”’‚")
"""What begins a text although it is punctuation, beside opening brackets and quotation marks: other quotation marks
(Danish and Swedish begin with » and ”), tags, prices, Spanish questions."""


def punctuation(record: Record, *, field: Field = "instruction", faithful: bool = False) -> Drop | None:
    """`starts_with_punctuation` where the first character is punctuation that can begin no sentence.

    `faithful` is Self-Instruct's and Alpaca's rule: any ASCII punctuation, a quotation mark and a bracket too, and none
    of any other script.
    """
    text = text_of(record, field) or ""
    first = text[:1] if faithful else text.lstrip()[:1]
    if not first:
        return None
    unwanted = first in string.punctuation if faithful else _closes(first)
    return Drop("starts_with_punctuation", detail=f"{field}: {first!r}") if unwanted else None


def _closes(character: str) -> bool:
    category = unicodedata.category(character)
    if character in OPENERS or category in ("Ps", "Pi"):
        return False
    return category.startswith("P") or character in string.punctuation
