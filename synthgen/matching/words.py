"""Whole-word matching that holds in every script, and which text of a record is looked at."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from synthgen.records import Record
from synthgen.text import UNSPACED

MARKS = "".join(
    chr(code)
    for code in range(0x300, 0x20F0)
    if unicodedata.category(chr(code)) in ("Mn", "Mc") and not re.match(f"[{UNSPACED}]", chr(code))
)
"""Combining marks, which belong to the letter before them although `\\w` leaves them out."""

_LETTER = f"(?:(?![{UNSPACED}])[\\w{MARKS}])"
_ARABIC = re.compile("[\u0620-\u064a]")
_HEBREW = re.compile("[\u05d0-\u05ea]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_UNSPACED = re.compile(f"[{UNSPACED}]")


@lru_cache(maxsize=256)
def word_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Finds any of the words or phrases as a whole word, whatever its case; search in `normal(text)`.

    In scripts without spaces a word is found wherever it stands. In Korean, particles may follow it; in Arabic and
    Hebrew, the article, `and` and one-letter prepositions may stand before it. Runs of white space are all one.
    """
    parts = sorted((_part(normal(word)) for word in words if word.strip()), key=len, reverse=True)
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def normal(text: str) -> str:
    """The text with compatible and composed characters made one (NFKC): full-width letters, ligatures, accents."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _part(word: str) -> str:
    body = r"\s+".join(re.escape(piece) for piece in word.split())
    first, last = word.split()[0][0], word.split()[-1][-1]
    before = rf"(?<!{_LETTER})" if _bordered(first) else ""
    after = rf"(?!{_LETTER})" if _bordered(last) and not _HANGUL.match(last) else ""
    if _ARABIC.match(first):
        before += "(?:[وف]?[بكل]?(?:ال)?|[وف]?لل)"
    elif _HEBREW.match(first):
        before += "[והבכלמש]{0,2}"
    return before + body + after


def _bordered(character: str) -> bool:
    """Whether a word that begins or ends with this character needs a border there."""
    return bool(re.match(_LETTER, character)) and not _UNSPACED.match(character)


Field = Literal["instruction", "input", "output", "text"]
"""`text` is all that a reader sees of the record: system, history, instruction, input and output."""


def text_of(record: Record, field: Field) -> str | None:
    """The text of that field; None where there is none yet (an output before the answers are written)."""
    value: str | None = getattr(record, field)
    return value
