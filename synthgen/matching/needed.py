"""A first look at a text: which of some large patterns could match it at all, at a small share of their cost.

Every pattern is taken apart into words of which one stands in whatever it matches. Most texts hold none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

COMMON = frozenset(
    [
        "the",
        "this",
        "these",
        "those",
        "given",
        "is",
        "as",
        "an",
        "in",
        "on",
        "to",
        "ein",
        "der",
        "die",
        "das",
        "den",
        "als",
        "como",
        "esta",
        "este",
        "estas",
        "estos",
        "queste",
        "questo",
        "как",
    ]
)
"""Words that stand in so many texts that looking for them tells little."""

_NOTHING: frozenset[int] = frozenset()
_DOTS = str.maketrans({"ı": "i", "\u0307": None})
"""`re.IGNORECASE` takes the Turkish i without a dot, and the capital one with it, for the common one."""


class FirstLook:
    """Tells by words which patterns, all of them with IGNORECASE, may match a text; never leaves out one that does.

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
