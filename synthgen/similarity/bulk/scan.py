"""Candidates by looking at every pair of signatures: for recent texts, within a block of new ones, for long texts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthgen.similarity.bulk import signatures
from synthgen.similarity.bulk.compare import Bounds
from synthgen.similarity.bulk.texts import Ints, Texts, taken

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
    return signatures.of_512_bits(*taken(texts.elements, texts.offsets, which))
