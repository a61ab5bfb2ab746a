"""Candidates among long texts: a sequential scan over wide signatures.

A long text's prefix has many elements, common ones among them, so an index of prefixes would list nearly everything.
A parity signature of 512 bits tells long texts apart instead: unrelated texts of 200 tokens differ in some 180 bits,
near-duplicates at 0.7 in at most 120. What is left is compared in full.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from synthgen.similarity.needed import Needed

WORDS = 8
"""64-bit words of a signature."""

_MASK = (1 << 64) - 1


def wide_signature(ids: Iterable[int]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """uint64 [8]: 512 parity bits, one for each token, flipped once an occurrence."""
    words = [0] * WORDS
    for token in ids:
        place = (token * 0x9E3779B97F4A7C15 & _MASK) >> 55
        words[place >> 6] ^= 1 << (place & 63)
    return np.array(words, dtype=np.uint64)


class LongIndex:
    """Numbers, lengths and signatures of texts, in order of arrival."""

    def __init__(self) -> None:
        self._count = 0
        self._signatures = np.empty((16, WORDS), dtype=np.uint64)
        self._lengths = np.empty(16, dtype=np.int64)
        self._numbers = np.empty(16, dtype=np.uint32)

    def __len__(self) -> int:
        return self._count

    def add(self, number: int, ids: list[int]) -> None:
        """Keeps the text with this number (below 2^32)."""
        i = self._count
        if i == len(self._lengths):
            for name in ("_signatures", "_lengths", "_numbers"):
                old = getattr(self, name)
                new = np.empty((i + (i >> 1), *old.shape[1:]), dtype=old.dtype)
                new[:i] = old
                setattr(self, name, new)
        self._signatures[i] = wide_signature(ids)
        self._lengths[i] = len(ids)
        self._numbers[i] = number
        self._count = i + 1

    def candidates(self, ids: list[int], needed: Needed) -> list[int]:
        """Numbers of texts that may be near-duplicates of this one."""
        if not self._count:
            return []
        n = len(ids)
        lengths = self._lengths[: self._count]
        common = needed.over(lengths, n)
        near = np.flatnonzero(common <= np.minimum(lengths, n))
        if not len(near):
            return []
        allowed = lengths[near] + n - 2 * common[near]
        differ = np.bitwise_count(self._signatures[near] ^ wide_signature(ids)).sum(axis=1, dtype=np.int64)
        result: list[int] = self._numbers[near[differ <= allowed]].tolist()
        return result
