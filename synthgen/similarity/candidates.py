"""Candidates: short texts by a prefix index with signatures inside its posting lists, long ones by a scan.

A pair of lengths m and n that needs L common tokens shares at least L elements as multisets. Order all elements
(token, occurrence) totally, rarest first: then two such texts have an element in common within the first n - L + 1 of
the one and the first m - L + 1 of the other (the prefix principle, Chaudhuri et al. 2006; Bayardo et al. 2007). So a
text is listed under, and looked up by, the few elements of its prefix.

A posting holds, beside the text's number, a 64-bit parity signature and the length and position: what a probe throws
away it throws away in one sequential pass, without touching a text. Two multisets that differ in d elements differ in
at most d signature bits, so a pair can only be a near-duplicate if its signatures differ in at most m + n - 2L bits.

A long text's prefix has many elements, common ones among them, so an index of prefixes would list nearly everything.
Parity signatures of 512 bits, read from end to end, tell long texts apart instead: unrelated texts of 200 tokens differ
in some 180 bits, near-duplicates at 0.7 in at most 120. What is left is compared in full.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgen.similarity.neighbour import Needed

LONGEST = 63
"""Lengths and positions fit six bits each. Longer texts have another index: their signatures would be saturated."""

_SMALL = 12
"""Lists of up to this many postings are walked in Python: below it numpy's call overhead costs more."""

_LARGE = 1024
"""Lists of more postings are kept sorted by length and cut down by signature first: measured break-even."""

_TABLES = 4096
"""How many look-up tables (8 KiB each) are kept."""

_MASK = (1 << 64) - 1

Element = int
"""A token's number and its occurrence: number << 20 | occurrence."""


def elements(ids: Iterable[int], first: int) -> list[Element]:
    """The first of the multiset's elements, rarest first: newest token numbers first.

    First-seen order is a good proxy of frequency, needs no second pass, and never changes in a living index.
    """
    result: list[Element] = []
    previous, occurrence = -1, 0
    for token in sorted(ids, reverse=True)[:first]:
        occurrence = occurrence + 1 if token == previous else 0
        previous = token
        result.append(token << 20 | occurrence)
    return result


def signature(ids: Iterable[int]) -> int:
    """The 64-bit parity signature of a multiset: a bit for each token, flipped once an occurrence."""
    bits = 0
    for token in ids:
        # a bit's place looks random: the top bits of a multiplicative hash (Knuth; 2^64 / phi)
        bits ^= 1 << ((token * 0x9E3779B97F4A7C15 & _MASK) >> 58)
    return bits


@dataclass(slots=True)
class Sketch:
    """What the index keeps of a text: the number of its tokens, its signature, and the elements of its prefix."""

    length: int
    signature: int
    prefix: list[Element]


class _Postings:
    """One element's list: arrays that grow. A large one is sorted by length whenever it grows, but for what is new."""

    __slots__ = ("count", "meta", "number", "signature", "sorted", "starts")

    def __init__(self, small: list[tuple[int, int, int]]) -> None:
        capacity = 4 * len(small)
        self.count = len(small)
        self.signature = np.empty(capacity, dtype=np.uint64)
        self.meta = np.empty(capacity, dtype=np.uint16)
        self.number = np.empty(capacity, dtype=np.uint32)
        self.sorted = 0
        self.starts: list[int] = []  # where each length from 0 to 64 begins in the sorted part
        for i, (sig, meta, number) in enumerate(small):
            self.signature[i], self.meta[i], self.number[i] = sig, meta, number

    def add(self, sig: int, meta: int, number: int) -> None:
        i = self.count
        if i == len(self.signature):
            self._grow()
        self.signature[i], self.meta[i], self.number[i] = sig, meta, number
        self.count = i + 1

    def _grow(self) -> None:
        count = self.count
        # by half, large lists by a quarter: little space is idle, and growing costs few copies a posting
        capacity = count + (count >> (1 if count < _LARGE else 2))
        order: Any = slice(None)
        if count >= _LARGE:
            lengths = self.meta >> 6
            order = np.argsort(lengths, kind="stable")
            self.starts = np.searchsorted(lengths[order], np.arange(LONGEST + 2)).tolist()
            self.sorted = count
        for name in ("signature", "meta", "number"):
            old = getattr(self, name)
            new = np.empty(capacity, dtype=old.dtype)
            new[:count] = old[order]
            setattr(self, name, new)


class _Test:
    """What a posting must be like to be a candidate for a text of n tokens by its element at one position.

    `allowed` holds, by a partner's length << 6 | position, one more than the signature bits that may differ, 0 where
    none can be a near-duplicate: uint8 [4096] for long lists, the same as bytes for those walked in Python. Partners
    have `shortest` to `longest` tokens and differ in fewer than `most` bits.
    """

    __slots__ = ("allowed", "allowed_bytes", "longest", "most", "shortest")

    def __init__(self, n: int, position: int, needed: Needed) -> None:
        table = np.zeros((LONGEST + 1) << 6, dtype=np.uint8)
        lengths = []
        for m in range(1, LONGEST + 1):
            common = needed(m, n)
            if common <= min(m, n) and position <= n - common:
                table[m << 6 : (m << 6) + m - common + 1] = min(64, m + n - 2 * common) + 1
                lengths.append(m)
        self.allowed = table
        self.allowed_bytes = table.tobytes()
        self.most = table.max()
        self.shortest, self.longest = (lengths[0], lengths[-1]) if lengths else (1, 0)


class ShortIndex:
    """Numbers of short texts by the elements of their prefixes."""

    def __init__(self, needed: Needed) -> None:
        self._needed = needed
        self._lists: dict[Element, list[tuple[int, int, int]] | _Postings] = {}
        self._tests: dict[tuple[int, int, Needed], _Test] = {}
        self._prefix = [0, *(needed.prefix(n) for n in range(1, LONGEST + 1))]

    def sketch(self, ids: list[int]) -> Sketch:
        """What is kept and looked up of a text with these tokens."""
        n = len(ids)
        prefix = self._prefix[n] if n <= LONGEST else self._needed.prefix(n)
        return Sketch(n, signature(ids), elements(ids, prefix))

    def add(self, number: int, sketch: Sketch) -> None:
        """Lists the text with this number (below 2^32) and 1 to 63 tokens."""
        lists = self._lists
        meta, sig = sketch.length << 6, sketch.signature
        for position, element in enumerate(sketch.prefix):
            postings = lists.get(element)
            if postings is None:
                lists[element] = [(sig, meta | position, number)]
            elif isinstance(postings, list):
                postings.append((sig, meta | position, number))
                if len(postings) > _SMALL:
                    lists[element] = _Postings(postings)
            else:
                postings.add(sig, meta | position, number)

    def candidates(self, sketch: Sketch, needed: Needed) -> list[int]:
        """Numbers of texts that may be near-duplicates of this one, some more than once.

        `needed` may be stricter than the index's own. A text longer than those listed here may be looked up too.
        """
        n, sig = sketch.length, sketch.signature
        wide = np.uint64(sig)
        found: list[int] = []
        for position, element in enumerate(sketch.prefix):
            postings = self._lists.get(element)
            if postings is None:
                continue
            # of a long text the position is not used: its tests would be many, and it is rarely looked up here
            test = self._test(n, position if n <= LONGEST else 0, needed)
            if isinstance(postings, list):
                allowed = test.allowed_bytes
                found += [number for other, meta, number in postings if (other ^ sig).bit_count() < allowed[meta]]
            elif not postings.sorted:
                differ = np.bitwise_count(postings.signature[: postings.count] ^ wide)
                hits = (differ < test.allowed.take(postings.meta[: postings.count])).nonzero()[0]
                if len(hits):
                    found += postings.number[hits].tolist()
            else:
                starts = postings.starts
                _scan(postings, starts[test.shortest], starts[test.longest + 1], wide, test, found)
                _scan(postings, postings.sorted, postings.count, wide, test, found)
        return found

    def _test(self, n: int, position: int, needed: Needed) -> _Test:
        key = (n, position, needed)
        test = self._tests.get(key)
        if test is None:
            if len(self._tests) > _TABLES:
                self._tests.clear()
            test = self._tests[key] = _Test(n, position, needed)
        return test


def _scan(postings: _Postings, start: int, stop: int, wide: np.uint64, test: _Test, found: list[int]) -> None:
    if start >= stop:
        return
    differ = np.bitwise_count(postings.signature[start:stop] ^ wide)
    near = (differ < test.most).nonzero()[0]
    if len(near):
        hits = near[differ.take(near) < test.allowed.take(postings.meta[start:stop].take(near))]
        if len(hits):
            found += postings.number[start:stop].take(hits).tolist()


WIDE = 8
"""64-bit words of a long text's signature."""


def wide_signature(ids: Iterable[int]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """uint64 [8]: 512 parity bits, one for each token, flipped once an occurrence."""
    words = [0] * WIDE
    for token in ids:
        place = (token * 0x9E3779B97F4A7C15 & _MASK) >> 55
        words[place >> 6] ^= 1 << (place & 63)
    return np.array(words, dtype=np.uint64)


class LongIndex:
    """Numbers, lengths and wide signatures of long texts, in order of arrival."""

    def __init__(self) -> None:
        self._count = 0
        self._signatures = np.empty((16, WIDE), dtype=np.uint64)
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
