"""Words in the texts of records: whole ones in every script, and which of many large patterns could match at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Literal

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

    Python's `\\b` will not do: it sees no border between Latin and Chinese letters (`gif图`), and one in Hindi words
    (vowel signs are no `\\w`).

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


COMMON = frozenset(
    ("the", "this", "these", "those", "given", "is", "as", "an", "in", "on", "to", "ein", "der", "die", "das",
     "den", "als", "como", "esta", "este", "estas", "estos", "queste", "questo", "как")
)  # fmt: skip
"""Words that stand in so many texts that looking for them tells little."""

_NOTHING: frozenset[int] = frozenset()
_DOTS = str.maketrans({"ı": "i", "\u0307": None})
"""`re.IGNORECASE` takes the Turkish i without a dot, and the capital one with it, for the common one."""


class FirstLook:
    """Tells by words which patterns, all of them with IGNORECASE, may match a text; never leaves out one that does.

    It takes every pattern apart into words of which one stands in whatever it matches. Most texts hold none of them,
    and to find that costs a small share of matching the patterns.

    Raises:
        ValueError: nothing is known of what a pattern matches.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._words: dict[str, set[int]] = {}
        for number, pattern in enumerate(patterns):
            words = _needed(parser.parse(pattern))
            if not words:
                raise ValueError(f"no word has to stand in what the pattern {pattern[:60]!r} matches")
            for word in words:
                self._words.setdefault(word, set()).add(number)
        self._of = lru_cache(maxsize=1 << 16)(self._look)

    def may_match(self, text: str) -> frozenset[int]:
        """The numbers of the patterns that may match."""
        return _NOTHING.union(*map(self._of, text.casefold().split()))

    def _look(self, token: str) -> frozenset[int]:
        token = token.translate(_DOTS)
        return _NOTHING.union(*(numbers for word, numbers in self._words.items() if word in token))


def _needed(items: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    """Words (case-folded, without white space) of which one is in all that the sequence matches; empty where unknown.

    Of a sequence's parts the one with the longest shortest word tells most.
    """
    found: list[frozenset[str]] = []
    run = ""
    for code, argument in [*items, (None, None)]:
        if code is codes.LITERAL and not chr(argument).isspace():
            run += chr(argument).casefold()
            continue
        if len(run) > 1 or not run.isascii():  # one Latin letter stands in every text, one Chinese character does not
            found.append(frozenset([run]))
        run = ""
        found += filter(None, [_inner(code, argument)])
    return max(found, key=_telling, default=frozenset())


def _inner(code: Any, argument: Any) -> frozenset[str]:
    if code is codes.BRANCH:
        branches = [_needed(branch) for branch in argument[1]]
        return frozenset[str]().union(*branches) if all(branches) else frozenset()
    if code is codes.SUBPATTERN:
        return _needed(argument[-1])
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT) and argument[0] > 0:
        return _needed(argument[2])
    return frozenset()


def _telling(words: frozenset[str]) -> tuple[bool, int, int]:
    return not words & COMMON, min(map(len, words)), -len(words)
