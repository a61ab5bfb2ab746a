"""Candidates by looking at every pair of signatures: for the recent texts, and within a block of new ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from synthgen.similarity.bulk.bounds import Bounds
from synthgen.similarity.bulk.texts import Ints, Texts

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
