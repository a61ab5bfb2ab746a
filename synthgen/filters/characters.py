"""Filters by the characters of a text: the first one, unwanted ones, those of another script."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
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


FOREIGN_LETTER = re.compile(r"[^\W\d_\x00-\u024f\u1e00-\u1eff]")
LEAST_LETTERS = 8
"""Fewer may be a symbol, a formula, a name."""

MOST_LETTERS = 2000
SPEAKS_OF_LANGUAGES = re.compile(
    r"translat|languag|transliter|alphabet|characters?\b|script|kanji|kana\b|cyrill|unicode|greek|griech|grec|grieg|greg"
    r"|arab|hebr|hindi|sanskrit|devanagari|chin|mandarin|canton|japan|japon|jap\b|kore|core|russ|rus[oaiy]|ros[jy]|ukra"
    r"|bulgar|belar|maced|serb|mongol|kaza|tamil|telugu|malayal|kannada|bengal|bangla|gujar|punjab|marath|nepal|sinhal|thai"
    r"|lao\b|burm|khmer|tibet|georg|armen|amhar|urdu|pers|farsi|pasht|kurd|yidd|uyghur|übersetz|sprach|tradu|lengua|língua"
    r"|langue|lingua|vertaal|översätt|oversæt|oversett|tłumacz|język|přelož|jazyk|çevir|dil|dịch|tiếng|terjemah|bahasa",
    re.IGNORECASE,
)


def other_script(record: Record) -> Drop | None:
    """`other_script` where most letters of the output are of a script that the task has none of, and the task does not
    speak of languages.

    An output in Latin letters passes: code, names and formulas are written so everywhere. Two languages of one script
    are not told apart.
    """
    output = record.output or ""
    if output.isascii():
        return None
    foreign = FOREIGN_LETTER.findall(output[:MOST_LETTERS])
    letters = sum(map(str.isalpha, output[:MOST_LETTERS]))
    if len(foreign) < LEAST_LETTERS or 2 * len(foreign) < letters:
        return None
    task = f"{record.system}\n{record.instruction}\n{record.input}"[: 4 * MOST_LETTERS]
    (most, _), *_ = Counter(_family(c) for c in foreign).most_common(1)
    if record.history or SPEAKS_OF_LANGUAGES.search(task):
        return None
    if any(_family(c) == most for c in FOREIGN_LETTER.findall(task)):
        return None
    return Drop("other_script", detail=f"the output is in {most} letters, which the task has none of")


def _family(character: str) -> str:
    name = script_of(character)
    return "han" if name in ("hiragana", "katakana") else name
