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

import numpy as np

from synthgen.similarity.bulk.bounds import Bounds
from synthgen.similarity.bulk.texts import Ints, Texts, ragged

CLIP = 0xFFFF
"""Positions and lengths from here on are sorted as if they were equal: texts that long are few."""
SPLIT_FROM = 16
"""Postings per position from which a list is searched by position and length instead of being read whole."""
VISITS = 1 << 14
"""How many postings are looked at in one go: their arrays stay in the processor's cache."""
BUILT_AT_ONCE = 1 << 15
"""How many texts are sorted in one go, which bounds the memory that building takes."""


class Segment:
    """Postings of `texts`.

    `keys` int64 [P], rising: rank of the element << 32 | its position in the text << 16 | length of the text.
    `owners` int32 [P] and `signatures` uint64 [P]: the text and its narrow signature. `first` int64 [R + 1]: where the
    postings of each rank begin. Rank 0 is that of all elements that no text here has; it comes first and has none.
    """

    def __init__(self, texts: Texts, bounds: Bounds) -> None:
        self.texts = texts
        self._bounds = bounds
        counts = np.bincount(texts.elements)
        order = np.argsort(counts, kind="stable")
        order = order[np.searchsorted(counts[order], 1) :]
        self._rank = np.zeros(len(counts), np.int32)
        self._rank[order] = np.arange(1, len(order) + 1)
        keys, owners = [], []
        for begin in range(0, len(texts), BUILT_AT_ONCE):
            part = texts.part(begin, min(begin + BUILT_AT_ONCE, len(texts)))
            own, positions, ranks = self._prefixes(part)
            keys.append(ranks << 32 | np.minimum(positions, CLIP) << 16 | np.minimum(part.lengths[own], CLIP))
            owners.append((own + begin).astype(np.int32))
        unsorted = np.concatenate(keys)
        del keys
        by_key = np.argsort(unsorted)
        self._keys = unsorted[by_key]
        self._owners = np.concatenate(owners)[by_key]
        del unsorted, owners, by_key
        self._signatures = texts.signatures[self._owners]
        self._first = np.searchsorted(self._keys, np.arange(len(order) + 2) << 32)

    def __len__(self) -> int:
        return len(self.texts)

    def candidates(self, block: Texts) -> Iterator[tuple[Ints, Ints]]:
        """Pairs of a text of the block and one of this segment that the bounds do not exclude, each at least once."""
        texts, begins, counts, longest = self._spans(block)
        if not len(texts):
            return
        loose = self._bounds.most_allowed(block.lengths[texts], longest)
        signatures = block.signatures[texts]
        ends = np.cumsum(counts)
        cuts = np.unique(np.searchsorted(ends, np.arange(VISITS, ends[-1], VISITS)) + 1)
        for a, b in zip([0, *cuts], [*cuts, len(ends)], strict=True):
            count = counts[a:b]
            visited = ragged(begins[a:b], count)
            differing = self._signatures.take(visited, mode="clip")  # "raise" would copy once more
            differing ^= np.repeat(signatures[a:b], count)
            differ = np.bitwise_count(differing)
            near = np.flatnonzero(differ <= np.repeat(loose[a:b], count))
            mine = np.repeat(texts[a:b], count)[near]
            theirs = self._owners[visited[near]].astype(np.int64)
            fits = differ[near] <= self._bounds.allowed(block.lengths[mine], self.texts.lengths[theirs])
            yield mine[fits], theirs[fits]

    def _spans(self, block: Texts) -> tuple[Ints, Ints, Ints, Ints]:
        """Spans of postings to visit: for which text, from where, how many, and the greatest length of a match."""
        texts, positions, ranks = self._prefixes(block)
        by_rank = np.argsort(ranks)  # neighbours in the lists are looked up one after the other: a fifth of the time
        texts, positions, ranks = texts[by_rank], positions[by_rank], ranks[by_rank]
        begins = self._first[ranks]
        counts = self._first[ranks + 1] - begins
        m = block.lengths[texts]
        longest = self._bounds.longest(m, positions)
        steps = np.minimum(self._bounds.deepest(m, longest), CLIP) + 1
        split = counts > SPLIT_FROM * np.maximum(steps, 4)
        whole = np.flatnonzero((steps > 0) & ~split)
        split = np.flatnonzero((steps > 0) & split)
        probe = np.repeat(split, steps[split])
        skipped = ragged(np.zeros(len(split), np.int64), steps[split])
        base = ranks[probe] << 32 | skipped << 16
        shortest = self._bounds.shortest(m[probe], skipped)
        low = np.searchsorted(self._keys, base + np.minimum(shortest, CLIP))
        high = np.searchsorted(self._keys, base + np.minimum(longest[probe], CLIP), side="right")
        some = np.flatnonzero(high > low)
        chosen = np.concatenate((whole, probe[some]))
        return (
            texts[chosen],
            np.concatenate((begins[whole], low[some])),
            np.concatenate((counts[whole], (high - low)[some])),
            longest[chosen],
        )

    def _prefixes(self, texts: Texts) -> tuple[Ints, Ints, Ints]:
        """Of those elements in the prefixes of the texts that some text here has: the text, the position, the rank."""
        owners = np.repeat(np.arange(len(texts)), texts.lengths)
        known = texts.elements < len(self._rank)
        ranks = np.where(known, self._rank.take(texts.elements, mode="clip"), 0) if len(self._rank) else known
        keys = np.sort(owners << 32 | ranks)
        ranks = keys & 0xFFFFFFFF
        positions = np.arange(len(ranks)) - texts.offsets[owners]
        used = np.flatnonzero((ranks > 0) & (positions < self._bounds.prefix(texts.lengths)[owners]))
        return owners[used], positions[used], ranks[used]
