"""Candidates among short texts: a prefix index with signatures inside the posting lists.

A pair of lengths m and n that needs L common tokens shares at least L elements as multisets. Order all elements
(token, occurrence) totally, rarest first: then two such texts have an element in common within the first n - L + 1 of
the one and the first m - L + 1 of the other (the prefix principle, Chaudhuri et al. 2006; Bayardo et al. 2007). So a
text is listed under, and looked up by, the few elements of its prefix.

A posting holds, beside the text's number, a 64-bit parity signature and the length and position: what a probe throws
away it throws away in one sequential pass, without touching a text. Two multisets that differ in d elements differ in
at most d signature bits, so a pair can only be a near-duplicate if its signatures differ in at most m + n - 2L bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from synthgen.similarity.needed import Needed

LONGEST = 63
"""Lengths and positions fit six bits each. Longer texts have another index: their signatures would be saturated."""

_SMALL = 12
"""Lists of up to this many postings are walked in Python: below it numpy's call overhead costs more."""

_TABLES = 4096
"""How many look-up tables (8 KiB each) are kept."""

_MASK = (1 << 64) - 1

Element = int
"""A token's number and its occurrence: number << 20 | occurrence."""


def spread(number: int) -> int:
    """A bit position from 0 to 63 that looks random: the top bits of a multiplicative hash (Knuth; 2^64 / phi)."""
    return (number * 0x9E3779B97F4A7C15 & _MASK) >> 58


def elements(ids: Iterable[int]) -> list[Element]:
    """The multiset's elements, rarest first: newest token numbers first, which rarely needs the true frequencies.

    First-seen order is a good proxy of frequency, needs no second pass, and never changes in a living index.
    """
    result: list[Element] = []
    previous, occurrence = -1, 0
    for token in sorted(ids, reverse=True):
        occurrence = occurrence + 1 if token == previous else 0
        previous = token
        result.append(token << 20 | occurrence)
    return result


def signature(ids: Iterable[int]) -> int:
    """The 64-bit parity signature of a multiset: a bit for each token, flipped once an occurrence."""
    bits = 0
    for token in ids:
        bits ^= 1 << spread(token)
    return bits


class _Postings:
    """One element's list: arrays that double."""

    __slots__ = ("count", "meta", "number", "signature")

    def __init__(self, small: list[tuple[int, int, int]]) -> None:
        capacity = 4 * len(small)
        self.count = len(small)
        self.signature = np.empty(capacity, dtype=np.uint64)
        self.meta = np.empty(capacity, dtype=np.uint16)
        self.number = np.empty(capacity, dtype=np.uint32)
        for i, (sig, meta, number) in enumerate(small):
            self.signature[i], self.meta[i], self.number[i] = sig, meta, number

    def add(self, sig: int, meta: int, number: int) -> None:
        i = self.count
        if i == len(self.signature):
            # by half: a third of the space is idle at worst, and growing costs three copies a posting on average
            capacity = i + (i >> 1)
            for name in ("signature", "meta", "number"):
                old = getattr(self, name)
                new = np.empty(capacity, dtype=old.dtype)
                new[:i] = old
                setattr(self, name, new)
        self.signature[i], self.meta[i], self.number[i] = sig, meta, number
        self.count = i + 1


class ShortIndex:
    """Numbers of short texts by the elements of their prefixes."""

    def __init__(self, needed: Needed) -> None:
        self._needed = needed
        self._lists: dict[Element, list[tuple[int, int, int]] | _Postings] = {}
        self._tables: dict[tuple[int, int, Needed], tuple[Any, bytes]] = {}
        self._prefix = [0, *(needed.prefix(n) for n in range(1, LONGEST + 1))]

    def add(self, number: int, ids: list[int]) -> None:
        """Lists the text with this number (below 2^32) and 1 to 63 tokens."""
        n = len(ids)
        sig = signature(ids)
        lists = self._lists
        for position, element in enumerate(elements(ids)[: self._prefix[n]]):
            entry = (sig, n << 6 | position, number)
            postings = lists.get(element)
            if postings is None:
                lists[element] = [entry]
            elif isinstance(postings, list):
                postings.append(entry)
                if len(postings) > _SMALL:
                    lists[element] = _Postings(postings)
            else:
                postings.add(*entry)

    def candidates(self, ids: list[int], needed: Needed) -> Iterator[int]:
        """Numbers of texts that may be near-duplicates of this one, some more than once.

        `needed` may be stricter than the index's own. A text longer than those listed here may be looked up too.
        """
        n = len(ids)
        sig = signature(ids)
        wide = np.uint64(sig)
        prefix = self._prefix[n] if n <= LONGEST else self._needed.prefix(n)
        for position, element in enumerate(elements(ids)[:prefix]):
            postings = self._lists.get(element)
            if postings is None:
                continue
            # of a long text the position is not used: its tables would be many, and it is rarely looked up here
            array, table = self._table(n, position if n <= LONGEST else 0, needed)
            if isinstance(postings, list):
                for other, meta, number in postings:
                    if (other ^ sig).bit_count() < table[meta]:
                        yield number
            else:
                count = postings.count
                differ = np.bitwise_count(postings.signature[:count] ^ wide)
                (hits,) = (differ < array.take(postings.meta[:count])).nonzero()
                if len(hits):
                    yield from postings.number[hits].tolist()

    def _table(self, n: int, position: int, needed: Needed) -> tuple[Any, bytes]:
        """By length and position of a partner: one more than the signature bits that may differ, 0 where none can be.

        Twice the same: uint8 [4096] for long lists, bytes for those walked in Python.
        """
        key = (n, position, needed)
        if key not in self._tables:
            if len(self._tables) > _TABLES:
                self._tables.clear()
            table = np.zeros((LONGEST + 1) << 6, dtype=np.uint8)
            for m in range(1, LONGEST + 1):
                common = needed(m, n)
                if common <= min(m, n) and position <= n - common:
                    table[m << 6 : (m << 6) + m - common + 1] = min(64, m + n - 2 * common) + 1
            self._tables[key] = table, table.tobytes()
        return self._tables[key]
