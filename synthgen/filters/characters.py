"""Filters by the characters of a text: the first one, unwanted ones, those of another script."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field as Setting

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record


def ascii_only(record: Record, *, field: Field = "instruction") -> Drop | None:
    """`not_ascii` where the first character is not ASCII (Self-Instruct, Alpaca).

    It drops every Chinese and Arabic task, `Écris …`, and an English one that begins with `“`; `script` says what is
    meant. There is no repaired form.
    """
    first = (text_of(record, field) or "")[:1]
    return Drop("not_ascii", detail=f"{field}: {first!r}") if not first.isascii() else None


UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control codes, the terminal's escapes among them
    "\ufffd"  # what is left of bytes that were no text
    "\ufeff\u202d\u202e"  # a byte order mark; overrides of the writing direction
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff"  # surrogates and private use
    "\ufdd0-\ufdef\ufffe\uffff" + "".join(chr(p << 16 | 0xFFFE) + chr(p << 16 | 0xFFFF) for p in range(1, 15)) + "]"
)
"""Line breaks and tabs stay, and so do joiners and the other invisible marks that scripts and emoji need."""


def control_characters(record: Record) -> Drop | None:
    """`control_character` where any text of the record, its reasoning too, holds one of `UNWANTED`."""
    found = UNWANTED.search(f"{record.text}\n{record.reasoning or ''}")
    if found is None:
        return None
    character = found.group()
    return Drop("control_character", detail=f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}")


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
