"""Kept texts in segments of rising size, so that adding stays cheap and looking up too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.similarity.bulk import scan
from synthgen.similarity.bulk.bounds import Bounds
from synthgen.similarity.bulk.compare import Comparison
from synthgen.similarity.bulk.segment import Segment
from synthgen.similarity.bulk.texts import NONE, Ints, Texts

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
            (self._recent, scan.pairs(block, self._recent, self._bounds)),
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
