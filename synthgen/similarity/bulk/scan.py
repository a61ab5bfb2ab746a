"""Signatures that bound how much two sets differ: one bit per hash value, set where an odd number of elements fall.

The signatures of x and y differ in at most |x △ y| bits: an element of the symmetric difference flips one, and what
both have cancels out. So more differing bits than may be unshared prove that two texts are no match. Every text has a
narrow signature of 64 bits for the first look, and a wide one of 128 bits, or of 4 to 8 bits a token above 32 tokens,
where 64 say nothing any more. A wide signature folds in halves onto a narrower one, so that any two can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthgen.similarity.bulk.compare import Bounds
from synthgen.similarity.bulk.texts import Ints, Texts, taken

Words = NDArray[np.uint64]

Signatures = NDArray[np.int64]


def hashes(elements: NDArray[np.int32]) -> Words:
    """64 well mixed bits of each element (the finaliser of SplitMix64)."""
    h = elements.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(30)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return h


def widths(lengths: Signatures) -> Signatures:
    """How many 64-bit words the wide signature of a text of so many tokens has: a power of two."""
    words: Signatures = 1 << np.ceil(np.log2(np.maximum(lengths, 32) / 16)).astype(np.int64)
    return words


def narrow(elements: NDArray[np.int32], offsets: Signatures) -> Words:
    """The 64-bit signature of each text; no text may be empty."""
    bits = np.uint64(1) << (hashes(elements) & np.uint64(63))
    return np.bitwise_xor.reduceat(bits, offsets[:-1]) if len(offsets) > 1 else bits


def wide(elements: NDArray[np.int32], offsets: Signatures) -> tuple[Words, Signatures]:
    """The words of all wide signatures one after the other, and where each text's begin (and the last end)."""
    lengths = np.diff(offsets)
    width = widths(lengths)
    starts = np.concatenate(([0], np.cumsum(width)))
    words = np.zeros(starts[-1], np.uint64)
    h = hashes(elements)
    place = (h >> np.uint64(6)).astype(np.int64) & np.repeat(width - 1, lengths)
    np.bitwise_xor.at(words, place + np.repeat(starts[:-1], lengths), np.uint64(1) << (h & np.uint64(63)))
    return words, starts


def of_512_bits(elements: NDArray[np.int32], offsets: Signatures) -> Words:
    """uint64 [N, 8]: a signature of eight words for each text, whatever its length."""
    words = np.zeros((len(offsets) - 1) * 8, np.uint64)
    h = hashes(elements)
    place = (h >> np.uint64(6)).astype(np.int64) & 7
    place += np.repeat(np.arange(0, len(words), 8), np.diff(offsets))
    np.bitwise_xor.at(words, place, np.uint64(1) << (h & np.uint64(63)))
    return words.reshape(-1, 8)


def differing(a: Words, a_widths: Signatures, b: Words, b_widths: Signatures) -> Signatures:
    """In how many bits the wide signatures of each pair differ, at the smaller of both widths.

    `a` holds the words of the first signatures of all pairs one after the other, `a_widths` how many each has.
    """
    out = np.zeros(len(a_widths), np.int64)
    a_ends, b_ends = np.cumsum(a_widths), np.cumsum(b_widths)
    combined = a_widths << 32 | b_widths
    for key in np.unique(combined):
        pairs = np.flatnonzero(combined == key)
        width = min(key >> 32, key & 0xFFFFFFFF)
        folded = _folded(a, a_ends[pairs], key >> 32, width) ^ _folded(b, b_ends[pairs], key & 0xFFFFFFFF, width)
        out[pairs] = np.bitwise_count(folded).sum(axis=1, dtype=np.int64)
    return out


def _folded(words: Words, ends: Signatures, old: int, new: int) -> Words:
    rows = words[(ends - old)[:, None] + np.arange(old)]
    folded: Words = np.bitwise_xor.reduce(rows.reshape(len(ends), old // new, new), axis=1)
    return folded


LONG = 64
"""Tokens from which a text is long. Shorter lengths, and positions in them, take six bits each."""
CELLS = 1 << 16
"""How many pairs are looked at in one go: their arrays stay in the processor's cache."""


def pairs(block: Texts, others: Texts, bounds: Bounds, *, earlier: bool = False) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of a text of the block and another text that the bounds do not exclude, each once.

    With `earlier`, `others` is the block itself, and each of its texts is paired with those before it only.
    """
    if not len(others):
        return
    m = block.lengths
    loose = bounds.most_allowed(m, bounds.longest(m))[:, None]
    rows = max(1, CELLS // len(others))
    for start in range(0, len(block), rows):
        stop = min(start + rows, len(block))
        width = stop if earlier else len(others)
        differ = np.bitwise_count(block.signatures[start:stop, None] ^ others.signatures[:width])
        near = np.flatnonzero(differ <= loose[start:stop])
        mine, theirs = np.divmod(near, width)
        mine += start
        if earlier:
            before = theirs < mine
            mine, theirs, near = mine[before], theirs[before], near[before]
        fits = differ.ravel()[near] <= bounds.allowed(m[mine], others.lengths[theirs])
        yield mine[fits], theirs[fits]


class Long:
    """The texts that can match a long one, by length, with signatures of 512 bits; read from end to end.

    A long text's prefix has common words in it, so that its postings would be most texts. Signatures of 512 bits tell
    it apart instead: unlike texts of 200 tokens differ in some 180 of them, a match at 0.7 in at most 120.
    """

    def __init__(self, texts: Texts, bounds: Bounds) -> None:
        self._texts = texts
        self._bounds = bounds
        which = np.flatnonzero(texts.lengths >= bounds.shortest(np.array([LONG]))[0])
        self._which = which[np.argsort(texts.lengths[which], kind="stable")]
        self._lengths = texts.lengths[self._which]

    def pairs(self, block: Texts) -> Iterator[tuple[Ints, Ints]]:
        """Pairs of a text of the block and one of these, one of both long, that the bounds do not exclude."""
        bounds = self._bounds
        if not len(self._which) or max(self._lengths[-1], block.lengths.max(initial=0)) < LONG:
            return
        mine = np.flatnonzero(block.lengths >= bounds.shortest(np.array([LONG]))[0])
        m = block.lengths[mine]
        first = np.searchsorted(self._lengths, np.where(m < LONG, LONG, bounds.shortest(m)))
        after = np.searchsorted(self._lengths, bounds.longest(m), side="right")
        own = _of_512_bits(block, mine)
        for i in np.flatnonzero(first < after):
            these = slice(first[i], after[i])
            # eight counts of at most 64 a text, added in pairs and then by one multiplication
            counts = np.bitwise_count(self._signatures[these] ^ own[i]).view(np.uint64)[:, 0]
            counts = (counts & _EVEN_BYTES) + (counts >> np.uint64(8) & _EVEN_BYTES)
            differ = (counts * _SUM_OF_FOUR) >> np.uint64(48)
            near = np.flatnonzero(differ <= (bounds.q - bounds.p) * (self._lengths[these] + m[i]) // bounds.q)
            if len(near):
                yield np.full(len(near), mine[i]), self._which[these][near]

    @cached_property
    def _signatures(self) -> NDArray[np.uint64]:
        return _of_512_bits(self._texts, self._which)


_EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
_SUM_OF_FOUR = np.uint64(0x0001000100010001)


def _of_512_bits(texts: Texts, which: Ints) -> NDArray[np.uint64]:
    return of_512_bits(*taken(texts.elements, texts.offsets, which))
