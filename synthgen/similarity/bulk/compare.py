"""The longest common subsequence of candidate pairs, by rapidfuzz on strings with one character a token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from synthgen.similarity.bulk.bounds import Bounds
from synthgen.similarity.bulk.numbering import Numbering
from synthgen.similarity.bulk.texts import Ints, Texts, taken
from synthgen.similarity.needed import scores
from synthgen.subsequence import EXACT, common_length

CHARACTERS = 0x110000 - 0x801
"""How many characters there are but for NUL and the surrogates. Further tokens share them; hits are checked again."""
AT_ONCE = 1 << 16
"""How many pairs are gathered before they are compared."""
COUNTED_FROM = 4096
"""Tokens from which the shared elements are counted first: that is linear, the subsequence is quadratic over 64."""

Hits = tuple[Ints, Ints, NDArray[np.float64]]


class Comparison:
    """Compares the texts of a block with others."""

    def __init__(self, bounds: Bounds, numbering: Numbering, block: Texts) -> None:
        self._bounds = bounds
        self._numbering = numbering
        self._block = block

    @cached_property
    def _strings(self) -> list[str]:
        return self._as_strings(self._block.elements, self._block.offsets)

    @property
    def first_of_equals(self) -> NDArray[np.bool_]:
        """Of each text of the block whether no earlier one has the same tokens."""
        first: dict[bytes, int] = {}
        block = self._block
        return np.array([first.setdefault(block.elements_of(i).tobytes(), i) == i for i in range(len(block))], np.bool_)

    def hits(self, texts: Texts, pairs: Iterable[tuple[Ints, Ints]]) -> Iterator[Hits]:
        """Those of the pairs (of texts of the block and of `texts`) that match, in rising order, with their scores."""
        gathered: list[Ints] = []
        size = 0
        for mine, theirs in pairs:
            allowed = self._bounds.allowed(self._block.lengths[mine], texts.lengths[theirs])
            fits = self._block.differing(mine, texts, theirs) <= allowed
            gathered.append(mine[fits] << 32 | theirs[fits])
            size += len(gathered[-1])
            if size >= AT_ONCE:
                yield self._compared(texts, np.unique(np.concatenate(gathered)))
                gathered, size = [], 0
        if size:
            yield self._compared(texts, np.unique(np.concatenate(gathered)))

    def _compared(self, texts: Texts, pairs: Ints) -> Hits:
        mine, theirs = pairs >> 32, pairs & 0xFFFFFFFF
        m, n = self._block.lengths[mine], texts.lengths[theirs]
        needed = self._bounds.needed.over(m, n)
        if len(pairs) and min(m.max(), n.max()) >= COUNTED_FROM:
            share_enough = self._share(mine, texts, theirs) >= needed
            mine, theirs, needed = mine[share_enough], theirs[share_enough], needed[share_enough]
            m, n = m[share_enough], n[share_enough]
        own = self._strings
        others = self._as_strings(*taken(texts.elements, texts.offsets, theirs))
        common = _common([own[i] for i in mine.tolist()], others)
        hits = np.flatnonzero(common >= needed)
        if self._numbering.size > CHARACTERS:
            common[hits] = [self._on_tokens(i, texts, j) for i, j in zip(mine[hits], theirs[hits], strict=True)]
            hits = hits[common[hits] >= needed[hits]]
        return mine[hits], theirs[hits], scores(common[hits], m[hits], n[hits])

    def _share(self, mine: Ints, texts: Texts, theirs: Ints) -> Ints:
        """How many elements the texts of each pair share, counted where both are long; else the shorter length."""
        m, n = self._block.lengths[mine], texts.lengths[theirs]
        share = np.minimum(m, n)
        for k in np.flatnonzero(share >= COUNTED_FROM):
            a, b = self._block.elements_of(mine[k]), texts.elements_of(theirs[k])
            share[k] = len(np.intersect1d(a, b, assume_unique=True))
        return share

    def _on_tokens(self, i: int, texts: Texts, j: int) -> int:
        token_of = self._numbering.token_of()
        a, b = token_of[self._block.elements_of(i)], token_of[texts.elements_of(j)]
        return common_length(a.tolist(), b.tolist())

    def _as_strings(self, elements: NDArray[np.int32], offsets: Ints) -> list[str]:
        codes = self._numbering.token_of()[elements] % CHARACTERS + 1
        codes[codes >= 0xD800] += 0x800
        joined = codes.astype("<u4").tobytes().decode("utf-32-le")
        bounds = offsets.tolist()
        return [joined[a:b] for a, b in pairwise(bounds)]


def _common(own: Sequence[str], others: Sequence[str]) -> Ints:
    """The common length of each pair; rapidfuzz compares those in one go that it compares in full."""
    long = [k for k, (a, b) in enumerate(zip(own, others, strict=True)) if len(a) * len(b) > EXACT]
    apart = set(long)
    mine = [text if k not in apart else "" for k, text in enumerate(own)]
    common: Ints = process.cpdist(mine, others, scorer=LCSseq.similarity, dtype=np.uint32).astype(np.int64)
    for k in long:
        common[k] = common_length(own[k], others[k])
    return common
