"""A frozen run of kept texts, sorted so that a new text finds the few that may match it.

Why nothing is missed: fix any order of the elements. If texts of m and n elements share at least k, the first
m - k + 1 elements of the one and the first n - k + 1 of the other, in that order, have one in common (the prefix
principle: Chaudhuri et al. 2006, Bayardo et al. 2007); and if the first shared element has i elements before it in the
one and j in the other, they share at most min(m - i, n - j) (the positional filter: Xiao et al. 2008). So a text is
written down under the elements of its prefix, and a new one is looked up under those of its own, at the positions and
lengths at which the bound allows a match. With the rarest elements first, few are found there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.similarity.bulk.compare import LONG, Bounds, Comparison, LongTexts, candidate_pairs
from synthgen.similarity.bulk.texts import NONE, Ints, Texts, ragged

SPLIT_FROM = 16
"""Postings per position from which a list is searched by position and length instead of being read whole."""
VISITS = 1 << 14
"""How many postings are looked at in one go: their arrays stay in the processor's cache."""
BUILT_AT_ONCE = 1 << 15
"""How many texts are sorted in one go, which bounds the memory that building takes."""


class Segment:
    """Postings of those `texts` that are short; the long ones, whose prefixes have common words, are read instead.

    `keys` [P], rising: rank of the element << 12 | its position in the text << 6 | length of the text; uint32 if the
    ranks allow. `owners` int32 [P], `signatures` uint64 [P] and `shares` uint8 [P]: the text, its narrow signature and
    what it adds to the elements that may be unshared. `first` int64 [R + 1]: where the postings of each rank begin.
    Rank 0 is that of all elements that no text here has; it comes first and has none.
    """

    def __init__(self, texts: Texts, bounds: Bounds) -> None:
        self.texts = texts
        self._bounds = bounds
        counts = np.bincount(texts.elements)
        order = np.argsort(counts, kind="stable")
        order = order[np.searchsorted(counts[order], 1) :]
        self._rank = np.zeros(len(counts), np.int32)
        self._rank[order] = np.arange(1, len(order) + 1)
        dtype = np.uint32 if len(order) + 2 < 1 << 20 else np.int64
        keys, owners = [], []
        for begin in range(0, len(texts), BUILT_AT_ONCE):
            part = texts.part(begin, min(begin + BUILT_AT_ONCE, len(texts)))
            own, positions, ranks = self._prefixes(part)
            keys.append((ranks << 12 | positions << 6 | part.lengths[own]).astype(dtype))
            owners.append((own + begin).astype(np.int32))
        unsorted = np.concatenate(keys)
        del keys
        by_key = np.argsort(unsorted)
        self._keys = unsorted[by_key]
        self._owners = np.concatenate(owners)[by_key]
        del unsorted, owners, by_key
        self._signatures = texts.signatures[self._owners]
        self._shares = bounds.own_share(texts.lengths)[self._owners]
        self._first = np.searchsorted(self._keys, (np.arange(len(order) + 2) << 12).astype(dtype))
        self._long = LongTexts(texts, bounds)

    def __len__(self) -> int:
        return len(self.texts)

    def candidates(self, block: Texts) -> Iterator[tuple[Ints, Ints]]:
        """Pairs of a text of the block and one of this segment that the bounds do not exclude, each at least once."""
        yield from self._long.pairs(block)
        texts, begins, counts = self._spans(block)
        if not len(texts):
            return
        shares = self._bounds.own_share(block.lengths[texts]) + np.uint8(1)
        signatures = block.signatures[texts]
        ends = np.cumsum(counts)
        cuts = np.unique(np.searchsorted(ends, np.arange(VISITS, ends[-1], VISITS)) + 1)
        for a, b in zip([0, *cuts], [*cuts, len(ends)], strict=True):
            count = counts[a:b]
            visited = ragged(begins[a:b], count)
            differing = self._signatures.take(visited, mode="clip")  # "raise" would copy once more
            differing ^= np.repeat(signatures[a:b], count)
            differ = np.bitwise_count(differing)
            allowed = self._shares.take(visited, mode="clip")
            allowed += np.repeat(shares[a:b], count)
            near = np.flatnonzero(differ <= allowed)
            mine = np.repeat(texts[a:b], count)[near]
            theirs = self._owners[visited[near]].astype(np.int64)
            fits = differ[near] <= self._bounds.allowed(block.lengths[mine], self.texts.lengths[theirs])
            yield mine[fits], theirs[fits]

    def _spans(self, block: Texts) -> tuple[Ints, Ints, Ints]:
        """Spans of postings to visit: for which text, from where, how many."""
        texts, positions, ranks = self._prefixes(block)
        by_rank = np.argsort(ranks)  # neighbours in the lists are looked up one after the other: a fifth of the time
        texts, positions, ranks = texts[by_rank], positions[by_rank], ranks[by_rank]
        begins = self._first[ranks]
        counts = self._first[ranks + 1] - begins
        m = block.lengths[texts]
        longest = self._bounds.longest(m, positions)
        steps = np.minimum(self._bounds.deepest(m, longest), LONG - 1) + 1
        split = counts > SPLIT_FROM * np.maximum(steps, 4)
        whole = np.flatnonzero((steps > 0) & ~split)
        split = np.flatnonzero((steps > 0) & split)
        probe = np.repeat(split, steps[split])
        skipped = ragged(np.zeros(len(split), np.int64), steps[split])
        base = ranks[probe] << 12 | skipped << 6
        shortest = np.minimum(self._bounds.shortest(m[probe], skipped), LONG - 1)
        low = np.searchsorted(self._keys, (base + shortest).astype(self._keys.dtype))
        furthest = np.minimum(longest[probe], LONG - 1)
        high = np.searchsorted(self._keys, (base + furthest).astype(self._keys.dtype), side="right")
        some = np.flatnonzero(high > low)
        return (
            np.concatenate((texts[whole], texts[probe[some]])),
            np.concatenate((begins[whole], low[some])),
            np.concatenate((counts[whole], (high - low)[some])),
        )

    def _prefixes(self, texts: Texts) -> tuple[Ints, Ints, Ints]:
        """Of the elements in the prefixes of short texts that some text here has: the text, the position, the rank."""
        owners = np.repeat(np.arange(len(texts)), texts.lengths)
        known = texts.elements < len(self._rank)
        ranks = np.where(known, self._rank.take(texts.elements, mode="clip"), 0) if len(self._rank) else known
        keys = np.sort(owners << 32 | ranks)
        ranks = keys & 0xFFFFFFFF
        positions = np.arange(len(ranks)) - texts.offsets[owners]
        prefix = np.where(texts.lengths < LONG, self._bounds.prefix(texts.lengths), 0)
        used = np.flatnonzero((ranks > 0) & (positions < prefix[owners]))
        return owners[used], positions[used], ranks[used]


RECENT = 2048
"""Kept texts that are read from end to end before they become a segment."""
RATIO = 4
"""A new segment is merged with the one before it unless that is this many times larger: few segments, few merges."""


@dataclass(frozen=True)
class Nearest:
    """For each text of a block the best score (float64 [B], 0 for none) and the number of the kept text (int64 [B])."""

    scores: NDArray[np.float64]
    numbers: Ints

    @classmethod
    def none(cls, size: int) -> Nearest:
        """Nothing found yet."""
        return cls(np.zeros(size), np.zeros(size, np.int64))

    def improve(self, texts: Ints, numbers: Ints, scores: NDArray[np.float64]) -> None:
        """Takes in matches; of equal scores the lower number stays."""
        order = np.lexsort((numbers, -scores, texts))
        order = order[np.flatnonzero(np.diff(texts[order], prepend=-1))]
        texts, numbers, scores = texts[order], numbers[order], scores[order]
        best = self.scores[texts]
        better = (scores > best) | ((scores == best) & (numbers < self.numbers[texts]))
        self.scores[texts[better]] = scores[better]
        self.numbers[texts[better]] = numbers[better]


class Levels:
    """Kept texts that have tokens, numbered from `start` in the order of adding."""

    def __init__(self, bounds: Bounds, start: int = 0) -> None:
        self._bounds = bounds
        self._start = start
        self._segments: list[Segment] = []
        self._recent = NONE

    def __len__(self) -> int:
        return sum(map(len, self._segments)) + len(self._recent)

    @property
    def texts(self) -> Texts:
        """All of them, in order."""
        return Texts.joined([*(segment.texts for segment in self._segments), self._recent])

    def look_up(self, block: Texts, comparison: Comparison, nearest: Nearest) -> None:
        """Puts into `nearest` what is nearer than what it has."""
        start = self._start
        for texts, pairs in [
            *((segment.texts, segment.candidates(block)) for segment in self._segments),
            (self._recent, candidate_pairs(block, self._recent, self._bounds)),
        ]:
            for mine, theirs, scores in comparison.hits(texts, pairs):
                nearest.improve(mine, start + theirs, scores)
            start += len(texts)

    def add(self, texts: Texts) -> None:
        """Adds texts at the end."""
        self._recent = Texts.joined([self._recent, texts])
        if len(self._recent) < RECENT:
            return
        parts = [self._recent]
        self._recent = NONE
        size = len(parts[0])
        while self._segments and len(self._segments[-1]) < RATIO * size:
            parts.insert(0, self._segments.pop().texts)
            size += len(parts[0])
        texts = Texts.joined(parts)
        del parts  # half of the memory, before the sorting needs it
        self._segments.append(Segment(texts, self._bounds))
