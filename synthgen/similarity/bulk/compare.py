"""Pairs of texts: candidates by their lengths and signatures, and the exact similarity of those."""

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

from synthgen.similarity.bulk import signatures
from synthgen.similarity.bulk.texts import Ints, Numbering, Texts, taken
from synthgen.similarity.neighbour import Arithmetic, Needed, Rule, scores
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


LONG = 64
"""Tokens from which a text is long. Shorter lengths, and positions in them, take six bits each."""
CELLS = 1 << 16
"""How many pairs are looked at in one go: their arrays stay in the processor's cache."""


def candidate_pairs(
    block: Texts, others: Texts, bounds: Bounds, *, earlier: bool = False
) -> Iterator[tuple[Ints, Ints]]:
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


class LongTexts:
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
