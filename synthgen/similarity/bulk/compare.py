"""Pairs of texts compared: what their lengths alone say first, then the exact similarity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from synthgen.similarity.bulk.texts import Ints, Numbering, Texts, taken
from synthgen.similarity.needed import Arithmetic, Needed, Rule, scores
from synthgen.text import EXACT, common_length

Lengths = NDArray[np.int64]

TABLE = 256
"""Pairs of lengths below this are looked up, others computed."""
PARTS = 10**6
"""Bounds take the threshold as a fraction of at most this denominator, rounded down, so that no product overflows."""


class Bounds:
    """`Needed`, and bounds that follow from it: in real numbers, and so valid for every rule and arithmetic."""

    def __init__(self, threshold: float, rule: Rule, arithmetic: Arithmetic) -> None:
        self.needed = Needed(threshold, rule, arithmetic)
        below = Fraction(max(math.floor(Fraction(str(threshold)) * PARTS), 1), PARTS)
        self.p, self.q = below.numerator, below.denominator
        lengths = np.maximum(np.arange(TABLE, dtype=np.int64), 1)
        self._allowed = self._compute(np.repeat(lengths, TABLE), np.tile(lengths, TABLE)).astype(np.int16)

    def allowed(self, m: Lengths, n: Lengths) -> Lengths | NDArray[np.int16]:
        """How many elements of both texts together may be unshared; below 0 where the lengths alone exclude a match."""
        if len(m) and max(m.max(), n.max()) >= TABLE:
            return self._compute(m, n)
        return self._allowed.take(m * TABLE + n)

    def _compute(self, m: Lengths, n: Lengths) -> Lengths:
        needed = self.needed.over(m, n)
        return np.where(needed <= np.minimum(m, n), m + n - 2 * needed, -1)

    def most_allowed(self, m: Lengths, longest: Lengths) -> NDArray[np.uint8]:
        """A bound on `allowed` over all partners of at most `longest` tokens; 64 stands for all above."""
        return self.own_share(m + longest)

    def own_share(self, m: Lengths) -> NDArray[np.uint8]:
        """What m tokens add to `allowed`, which is at most the shares of both texts and 1; 64 stands for all above."""
        share: NDArray[np.uint8] = np.minimum((self.q - self.p) * m // self.q, 64).astype(np.uint8)
        return share

    def shortest(self, m: Lengths, skipped: Lengths | int = 0) -> Lengths:
        """The least number of tokens of a match for m tokens of which the first `skipped` elements are not shared."""
        return -(-(2 * self.q * skipped + self.p * m) // (2 * self.q - self.p))

    def longest(self, m: Lengths, skipped: Lengths | int = 0) -> Lengths:
        """The greatest number of tokens of a match for m tokens `skipped` of which it does not share."""
        return 2 * self.q * (m - skipped) // self.p - m

    def deepest(self, m: Lengths, longest: Lengths) -> Lengths:
        """How many of its first elements a match of at most `longest` tokens can leave unshared; below 0: no match."""
        return ((2 * self.q - self.p) * longest - self.p * m) // (2 * self.q)

    def prefix(self, n: Lengths) -> Lengths:
        """How many of n elements, in any fixed order, hold one that every match shares within its own prefix.

        With k shared elements n - k are not, so the first n - k + 1 hold a shared one; k is least beside the shortest
        match.
        """
        shared = -(-self.p * (self.shortest(n) + n) // (2 * self.q))
        prefix: Lengths = n - np.maximum(shared, 1) + 1
        return prefix


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
