"""Tokens as numbers, and token lists as strings with one character a token.

A string is the smallest and fastest form of a token list in CPython, and rapidfuzz compares strings with bit-parallel
C++: the longest common subsequence of two short lists takes a fraction of a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable

_FIRST_SURROGATE = 0xD800
_SURROGATES = 0x800
LARGEST = 0x110000 - _SURROGATES - 1
"""How many different tokens have a character of their own. Beyond it characters are shared, and hits are verified."""


class Vocabulary:
    """Numbers tokens in the order in which they are first seen, which is roughly from frequent to rare."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._ids: dict[str, int] = {}
        for token in tokens:
            self._ids.setdefault(token, len(self._ids))

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def tokens(self) -> list[str]:
        """All tokens in the order of their numbers."""
        return list(self._ids)

    @property
    def shares_characters(self) -> bool:
        """Whether two tokens may have the same character."""
        return len(self._ids) > LARGEST

    def learn(self, tokens: Iterable[str]) -> list[int]:
        """The tokens' numbers; new ones are numbered."""
        ids = self._ids
        return [ids.setdefault(token, len(ids)) for token in tokens]

    def look_up(self, tokens: Iterable[str]) -> list[int]:
        """The tokens' numbers; unknown ones get numbers beyond the known, equal ones the same, and are forgotten."""
        ids = self._ids
        unknown: dict[str, int] = {}
        known = len(ids)
        return [ids[t] if t in ids else unknown.setdefault(t, known + len(unknown)) for t in tokens]


def to_text(ids: Iterable[int]) -> str:
    """One character a token; leaves out the surrogates, which are no characters."""
    return "".join([chr(i + 1) if i < _FIRST_SURROGATE - 1 else _beyond(i) for i in ids])


def _beyond(token: int) -> str:
    token %= LARGEST
    return chr(token + 1 if token < _FIRST_SURROGATE - 1 else token + 1 + _SURROGATES)


def to_ids(text: str) -> list[int]:
    """The numbers that `to_text` was given, where characters are not shared."""
    return [c - 1 if c < _FIRST_SURROGATE else c - 1 - _SURROGATES for c in map(ord, text)]
