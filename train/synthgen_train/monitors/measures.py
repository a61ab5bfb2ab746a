"""What one answer shows: pure functions of its text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

OPENING_WORDS = 3
"""So many first words are an opening."""

RUN, TIMES = 20, 3
"""Characters that a repetition covers at least, and how often its unit comes at least."""

_REFUSAL = re.compile(
    r"^\W*(?:i\s*(?:'|’)?m (?:very |so |really )?sorry|i am (?:very )?sorry|sorry|unfortunately"
    r"|i (?:can(?:'|’)?t|cannot|can not|won(?:'|’)?t|will not|must decline|am not able|am unable|have to decline)"
    r"|i(?:'|’)m (?:not able|unable)|as an ai|no,? i (?:can|won)"
    r"|es tut mir leid|das kann ich nicht|je (?:suis désolé|ne peux pas)|lo siento|no puedo)",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"<\|im_(?:start|end)\|>|\[/?INST\]|^(?:user|assistant|human)\s*:|### (?:Instruction|Response)", re.MULTILINE | re.I
)

_JAPANESE = ("HIRAGANA", "KATAKANA", "CJK")


def opening(text: str) -> str:
    """The first words, in lower case and without punctuation; in scripts without spaces the first characters."""
    words = re.findall(r"\w+", text.lower())[:OPENING_WORDS]
    return " ".join(words)[:24]


def same_openings(texts: Sequence[str]) -> list[float]:
    """For each text the share of the others that open alike; 0 where there are no others."""
    found = [opening(text) for text in texts]
    count = Counter(found)
    return [(count[o] - 1) / max(1, len(texts) - 1) for o in found]


def in_script(text: str, script: str) -> bool:
    """Whether most letters are of the script, by their Unicode names; an answer without letters is not."""
    wanted = _JAPANESE if script == "JAPANESE" else (script,)
    letters = [c for c in text if c.isalpha()]
    inside = sum(unicodedata.name(c, "").startswith(wanted) for c in letters)
    return inside * 2 > len(letters)


def refuses(text: str) -> bool:
    """Whether the answer begins as a refusal does; a list of phrases, so it misses polite detours."""
    return bool(_REFUSAL.search(text))


def repeats(text: str) -> bool:
    """Whether the end goes in circles: a stretch of 1 to 100 characters, three times running, 20 or more in all."""
    tail = text.rstrip()[-400:]
    for size in range(1, min(100, len(tail) // 3) + 1):
        unit = tail[-size:]
        times = max(TIMES, -(-RUN // size))
        if unit.strip() and tail.endswith(unit * times):
            return True
    return False


def leaks_roles(text: str) -> bool:
    """Whether the answer goes on to play another part of the dialogue."""
    return bool(_ROLE.search(text))


def equals(text: str, answers: Sequence[str]) -> bool:
    """Whether the answer is one of these but for case, space and the punctuation around it."""

    def plain(value: str) -> str:
        return " ".join(value.casefold().split()).strip(" .!\"'*`")

    return plain(text) in {plain(a) for a in answers}
