"""Drops texts that are not written in the wanted scripts."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field as Setting

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record

Script = Literal[
    "arabic", "armenian", "bengali", "cyrillic", "devanagari", "ethiopic", "georgian", "greek", "gujarati", "gurmukhi",
    "han", "hangul", "hebrew", "hiragana", "kannada", "katakana", "khmer", "lao", "latin", "malayalam", "myanmar",
    "sinhala", "tamil", "telugu", "thai",
]  # fmt: skip

_ALIASES = {"cjk": "han", "ideographic": "han", "katakana-hiragana": "katakana"}


def script(
    record: Record,
    *,
    scripts: tuple[Script, ...],
    min_share: Annotated[float, Setting(ge=0, le=1)] = 0.8,
    field: Field = "instruction",
) -> Drop | None:
    """`wrong_script` where less than `min_share` of the letters belong to the scripts; a text without letters is kept.

    Chinese is `han`; Japanese `han`, `hiragana` and `katakana`; Korean `hangul` (and `han`).
    """
    letters = [c for c in text_of(record, field) or "" if c.isalpha()]
    if not letters:
        return None
    share = sum(script_of(c) in scripts for c in letters) / len(letters)
    if share >= min_share:
        return None
    return Drop(
        "wrong_script",
        score=round(share, 4),
        limit=min_share,
        detail=f"{field}: {share:.0%} of the letters are {', '.join(scripts)}",
    )


@lru_cache(maxsize=8192)
def script_of(character: str) -> str:
    """The script of a letter, from its Unicode name (`latin`, `han`, …); empty where it has none."""
    first = unicodedata.name(unicodedata.normalize("NFKC", character)[:1], "").split(" ")[0].lower()
    return _ALIASES.get(first, first)
