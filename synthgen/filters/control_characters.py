"""Drops records with characters that no reader should meet."""

from __future__ import annotations

import re
import unicodedata

from synthgen.records import Drop, Record

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
