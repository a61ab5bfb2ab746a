"""The greedy rule over blocks of texts: against all that was kept before, then within the block, in order."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from synthgen.similarity.bulk import scan
from synthgen.similarity.bulk.bounds import Bounds
from synthgen.similarity.bulk.compare import Comparison
from synthgen.similarity.bulk.numbering import Numbering
from synthgen.similarity.bulk.segment import Segment
from synthgen.similarity.bulk.texts import NONE, Texts
from synthgen.similarity.needed import Arithmetic, Rule
from synthgen.similarity.neighbour import Neighbour
from synthgen.text import Tokenizer, normalize

BLOCK = 1024
"""Texts at once. Within a block every signature is compared with every other, which grows with its size; the dozens of
calls a block takes do not."""
CHARACTERS = 1 << 22
"""A block ends before it has more than this many characters (and has one text at least), which bounds its arrays."""
RECENT = 2048
"""Kept texts that are read from end to end before they become a segment."""
RATIO = 4
"""A new segment is merged with the one before it unless that is this many times larger: few segments, few merges."""


class BulkIndex:
    """Kept texts; decides over many further ones at once, with the same answers as `NearDuplicateIndex.check` in turn.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.
    """

    def __init__(
        self,
        threshold: float = 0.7,
        *,
        rule: Rule = "gt",
        arithmetic: Arithmetic = "exact",
        tokenizer: Tokenizer = "unicode",
    ) -> None:
        self._bounds = Bounds(threshold, rule, arithmetic)
        self._numbering = Numbering(tokenizer)
        self._segments: list[Segment] = []
        self._recent = NONE
        self._numbers = array("q")  # of the kept texts that have tokens: which of all kept ones each is
        self._texts: list[str] = []
        self._keys: list[str] = []
        self._whole: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def threshold(self) -> float:
        """What the index was built for."""
        return self._bounds.needed.threshold

    def check_all(self, texts: Sequence[str], keys: Sequence[str] | None = None) -> Iterator[Neighbour | None]:
        """For each text, in order, the nearest kept one that makes it a near-duplicate; or None, and it is kept.

        Raises:
            TypeError: a text is not a string.
        """
        start = 0
        for size in _blocks(texts):
            stop = start + size
            yield from self._check_block(texts[start:stop], [""] * size if keys is None else keys[start:stop])
            start = stop

    def _check_block(self, texts: Sequence[str], keys: Sequence[str]) -> list[Neighbour | None]:
        elements, offsets = self._numbering.encode(texts)
        filled = np.flatnonzero(np.diff(offsets))
        block = Texts.of(elements, np.append(offsets[filled], offsets[-1]))
        comparison = Comparison(self._bounds, self._numbering, block)
        before = self._nearest(block, comparison)
        within = self._within(block, comparison, np.array([score for score, _ in before]))
        kept: dict[int, int] = {}  # by text of the block: which of the kept ones with tokens it is now
        verdicts: list[Neighbour | None] = []
        place = -1
        for text, key, length in zip(texts, keys, np.diff(offsets).tolist(), strict=True):
            if not length:
                verdicts.append(self._check_whole(text, key))
                continue
            place += 1
            score, nearest = before[place]
            inside, other = next((match for match in within.get(place, ()) if match[1] in kept), (0.0, 0))
            if inside > score:  # of equals the earlier is the nearest
                score, nearest = inside, kept[other]
            if score:
                verdicts.append(self._neighbour(self._numbers[nearest], score))
            else:
                kept[place] = len(self._numbers)
                self._numbers.append(self._keep(text, key))
                verdicts.append(None)
        self._append(block.take(np.array(list(kept), np.int64)))
        return verdicts

    def _check_whole(self, text: str, key: str) -> Neighbour | None:
        """Texts without tokens are compared as they are, normalised: they never pass as unique."""
        whole = normalize(text)
        if whole in self._whole:
            return self._neighbour(self._whole[whole], 1.0)
        self._whole[whole] = self._keep(text, key)
        return None

    def _nearest(self, block: Texts, comparison: Comparison) -> list[tuple[float, int]]:
        """For each text of the block the best score with a kept text, and which; (0, 0) for none."""
        best = [(0.0, 0)] * len(block)
        start = 0
        for texts, pairs in [
            *((s.texts, s.candidates(block)) for s in self._segments),
            (self._recent, scan.pairs(block, self._recent, self._bounds)),
        ]:
            for mine, theirs, scores in comparison.hits(texts, pairs):
                order = np.lexsort((theirs, -scores, mine))
                order = order[np.flatnonzero(np.diff(mine[order], prepend=-1))]
                for i, j, score in zip(
                    mine[order].tolist(), theirs[order].tolist(), scores[order].tolist(), strict=True
                ):
                    if score > best[i][0] or (score == best[i][0] and start + j < best[i][1]):
                        best[i] = score, start + j
            start += len(texts)
        return best

    def _within(
        self, block: Texts, comparison: Comparison, before: NDArray[np.float64]
    ) -> dict[int, list[tuple[float, int]]]:
        """For each text of the block the matches before it in the block, the best first, of equals the earlier.

        `before` are the best scores with texts kept before the block. A text that has one will not be kept, nor will
        one that repeats another of the block: neither becomes a neighbour. And nothing is nearer than a score of 1.
        """
        possible = (before == 0) & comparison.first_of_equals
        pairs = scan.pairs(block, block, self._bounds, earlier=True)
        wanted = ((m[w], t[w]) for m, t in pairs for w in [possible[t] & (before[m] < 1)])
        found: dict[int, list[tuple[float, int]]] = {}
        for mine, theirs, scores in comparison.hits(block, wanted):
            for i, j, score in zip(mine.tolist(), theirs.tolist(), scores.tolist(), strict=True):
                found.setdefault(i, []).append((score, j))
        for matches in found.values():
            matches.sort(key=lambda match: (-match[0], match[1]))
        return found

    def _append(self, kept: Texts) -> None:
        self._recent = Texts.joined([self._recent, kept])
        if len(self._recent) < RECENT:
            return
        parts = [self._recent]
        self._recent = NONE
        size = len(parts[0])
        while self._segments and len(self._segments[-1]) < RATIO * size:
            parts.insert(0, self._segments.pop().texts)
            size += len(parts[0])
        texts = Texts.joined(parts)
        del parts
        self._segments.append(Segment(texts, self._bounds))

    def _keep(self, text: str, key: str) -> int:
        self._texts.append(text)
        self._keys.append(key)
        return len(self._texts) - 1

    def _neighbour(self, number: int, score: float) -> Neighbour:
        return Neighbour(number, self._keys[number], score, self._texts[number])


def deduplicate(
    texts: Sequence[str],
    keys: Sequence[str] | None = None,
    *,
    threshold: float = 0.7,
    rule: Rule = "gt",
    arithmetic: Arithmetic = "exact",
    tokenizer: Tokenizer = "unicode",
    progress: Callable[[int], None] | None = None,
) -> list[Neighbour | None]:
    """For each text None where it is kept, else its nearest neighbour among the texts kept before it.

    The neighbour's `number` counts kept texts, its `key` is the text's own of `keys`. `progress` is told how many texts
    are done: every thousand or so, and at the end.

    Raises:
        TypeError: a text is not a string.
        ValueError: the threshold is not above 0 and at most 1.
    """
    index = BulkIndex(threshold, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)
    verdicts: list[Neighbour | None] = []
    for verdict in index.check_all(texts, keys):
        verdicts.append(verdict)
        if progress is not None and (len(verdicts) % BLOCK == 0 or len(verdicts) == len(texts)):
            progress(len(verdicts))
    return verdicts


def _blocks(texts: Sequence[str]) -> Iterator[int]:
    """The sizes of the blocks to cut the texts into."""
    size = characters = 0
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {number}: a text is a string, not {type(text).__name__}")
        if size == BLOCK or (size and characters + len(text) > CHARACTERS):
            yield size
            size = characters = 0
        size += 1
        characters += len(text)
    if size:
        yield size
