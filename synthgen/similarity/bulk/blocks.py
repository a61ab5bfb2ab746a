"""Work shared out to forked processes, which see all of this one's memory as it is without copying it."""

from __future__ import annotations

import multiprocessing
from array import array
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import SynthgenError
from synthgen.similarity.bulk.compare import Bounds, Comparison, candidate_pairs
from synthgen.similarity.bulk.levels import Levels, Nearest
from synthgen.similarity.bulk.texts import Numbering, Texts
from synthgen.similarity.neighbour import Arithmetic, Neighbour, Rule
from synthgen.text import Tokenizer, normalize

Item = TypeVar("Item")
Result = TypeVar("Result")


def shared_out(work: Callable[[Item], Result], items: Sequence[Item], processes: int) -> list[Result]:
    """`work` of each item, in order. Systems that cannot fork (Windows) do it all in this process.

    Raises:
        SynthgenError: a process died before it was done.
    """
    processes = min(processes, len(items))
    if processes <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        return [work(item) for item in items]
    context = multiprocessing.get_context("fork")
    results: list[Result | None] = [None] * len(items)
    workers = []
    try:
        for share in range(1, processes):
            receiver, sender = context.Pipe(duplex=False)
            worker = context.Process(target=_do, args=(sender, work, items[share::processes]), daemon=True)
            worker.start()
            sender.close()
            workers.append((worker, receiver))
        results[0::processes] = [work(item) for item in items[0::processes]]
        for share, (_, receiver) in enumerate(workers, 1):
            results[share::processes] = _received(receiver)
    finally:
        for worker, receiver in workers:
            receiver.close()
            worker.terminate()
            worker.join()
    return results  # type: ignore[return-value]  # every place has been filled


def _do(sender: Connection, work: Callable[[Item], Result], items: Sequence[Item]) -> None:
    sender.send([work(item) for item in items])
    sender.close()


def _received(receiver: Connection) -> list[Result]:
    try:
        results: list[Result] = receiver.recv()
    except EOFError as error:
        raise SynthgenError(
            "a process that looked for near-duplicates died", hint="if memory is short, use fewer processes"
        ) from error
    return results


BLOCK = 1024
"""Texts at once. Within a block every signature is compared with every other, which grows with its size; the dozens of
calls a block takes do not."""
CHARACTERS = 1 << 22
"""A block ends before it has more than this many characters (and has one text at least), which bounds its arrays."""
BLOCKS_AT_ONCE = 8
"""Blocks for each process between two forks, where there are several: what these blocks keep is looked up by one."""


Matches = dict[int, list[tuple[float, int]]]


class _Block:
    """Texts and keys as they came, the token counts, and those that have tokens encoded."""

    def __init__(self, texts: Sequence[str], keys: Sequence[str], numbering: Numbering, bounds: Bounds) -> None:
        self.texts = texts
        self.keys = keys
        elements, offsets = numbering.encode(texts)
        self.lengths: list[int] = np.diff(offsets).tolist()
        filled = np.flatnonzero(np.diff(offsets))
        self.encoded = Texts.of(elements, np.append(offsets[filled], offsets[-1]))
        self.comparison = Comparison(bounds, numbering, self.encoded)
        self._bounds = bounds

    def matches_within(self, before: NDArray[np.float64]) -> Matches:
        """For each encoded text the matches before it in the block, the best first, of equals the earlier.

        `before` are the best scores with texts kept before the block. A text that has one will not be kept, nor will
        one that repeats another of the block: neither becomes a neighbour. And nothing is nearer than a score of 1.
        """
        possible = (before == 0) & self.comparison.first_of_equals
        pairs = candidate_pairs(self.encoded, self.encoded, self._bounds, earlier=True)
        wanted = ((m[w], t[w]) for m, t in pairs for w in [possible[t] & (before[m] < 1)])
        found: Matches = {}
        for mine, theirs, scores in self.comparison.hits(self.encoded, wanted):
            for i, j, score in zip(mine.tolist(), theirs.tolist(), scores.tolist(), strict=True):
                found.setdefault(i, []).append((score, j))
        for matches in found.values():
            matches.sort(key=lambda match: (-match[0], match[1]))
        return found


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
        self._levels = Levels(self._bounds)
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

    def check_all(
        self, texts: Sequence[str], keys: Sequence[str] | None = None, *, processes: int = 1
    ) -> Iterator[Neighbour | None]:
        """For each text, in order, the nearest kept one that makes it a near-duplicate; or None, and it is kept.

        With several processes, each looks up its share of some blocks in what was kept before them, and then one goes
        through these blocks in order. The answers are the same for any number.

        Raises:
            TypeError: a text is not a string.
            SynthgenError: a process died.
        """
        own_keys = [""] * len(texts) if keys is None else keys
        blocks: list[_Block] = []
        for start, stop in _blocks(texts):
            blocks.append(_Block(texts[start:stop], own_keys[start:stop], self._numbering, self._bounds))
            if stop == len(texts) or len(blocks) == (BLOCKS_AT_ONCE * processes if processes > 1 else 1):
                yield from self._check_blocks(blocks, processes)
                blocks.clear()

    def _check_blocks(self, blocks: Sequence[_Block], processes: int) -> Iterator[Neighbour | None]:
        found = shared_out(self._looked_up, blocks, processes)
        new = Levels(self._bounds, start=len(self._levels))
        for block, (nearest, within) in zip(blocks, found, strict=True):
            new.look_up(block.encoded, block.comparison, nearest)
            verdicts, kept = self._verdicts(block, nearest, within)
            new.add(block.encoded.take(np.array(kept, np.int64)))
            yield from verdicts
        self._levels.add(new.texts)

    def _looked_up(self, block: _Block) -> tuple[Nearest, Matches]:
        nearest = Nearest.none(len(block.encoded))
        self._levels.look_up(block.encoded, block.comparison, nearest)
        return nearest, block.matches_within(nearest.scores)

    def _verdicts(self, block: _Block, before: Nearest, within: Matches) -> tuple[list[Neighbour | None], list[int]]:
        """The verdicts on the texts of the block, and those of its encoded texts that are kept."""
        scores, numbers = before.scores.tolist(), before.numbers.tolist()
        kept: dict[int, int] = {}  # by encoded text: which of the kept ones that have tokens it is now
        verdicts: list[Neighbour | None] = []
        place = -1
        for text, key, length in zip(block.texts, block.keys, block.lengths, strict=True):
            if not length:
                verdicts.append(self._check_whole(text, key))
                continue
            place += 1
            score, nearest = scores[place], numbers[place]
            inside, other = next((match for match in within.get(place, ()) if match[1] in kept), (0.0, 0))
            if inside > score:  # of equals the earlier is the nearest
                score, nearest = inside, kept[other]
            if score:
                verdicts.append(self._neighbour(self._numbers[nearest], score))
            else:
                kept[place] = len(self._numbers)
                self._numbers.append(self._keep(text, key))
                verdicts.append(None)
        return verdicts, list(kept)

    def _check_whole(self, text: str, key: str) -> Neighbour | None:
        """Texts without tokens are compared as they are, normalised: they never pass as unique."""
        whole = normalize(text)
        if whole in self._whole:
            return self._neighbour(self._whole[whole], 1.0)
        self._whole[whole] = self._keep(text, key)
        return None

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
    processes: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[Neighbour | None]:
    """For each text None where it is kept, else its nearest neighbour among the texts kept before it.

    The neighbour's `number` counts kept texts, its `key` is the text's own of `keys`. `progress` is told how many texts
    are done: every thousand or so, and at the end.

    Raises:
        TypeError: a text is not a string.
        ValueError: the threshold is not above 0 and at most 1.
        SynthgenError: one of several processes died.
    """
    index = BulkIndex(threshold, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)
    verdicts: list[Neighbour | None] = []
    for verdict in index.check_all(texts, keys, processes=processes):
        verdicts.append(verdict)
        if progress is not None and (len(verdicts) % BLOCK == 0 or len(verdicts) == len(texts)):
            progress(len(verdicts))
    return verdicts


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where the blocks that the texts are cut into begin and end."""
    start = characters = 0
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {number}: a text is a string, not {type(text).__name__}")
        if number - start == BLOCK or (number > start and characters + len(text) > CHARACTERS):
            yield start, number
            start, characters = number, 0
        characters += len(text)
    if texts:
        yield start, len(texts)
