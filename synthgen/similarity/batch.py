"""Many texts at once: queries against a frozen index in several processes, then one pass in order.

A text is a near-duplicate iff it is one of a text that was kept before the block began, or of one kept earlier in the
block. The first question needs only the index as it was, so any number of processes can answer it for their share of
the block; the second is answered in order, against a small index of what the block itself added. The kept set and the
evidence are those of one text after the other.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from multiprocessing.connection import Connection

from synthgen.errors import SynthgenError
from synthgen.similarity.index import NearDuplicateIndex
from synthgen.similarity.neighbour import Neighbour

BLOCK = 8192
"""Texts between two forks: forking a large process takes tens of milliseconds, answering for a block about a second."""

Found = tuple[int, float] | None


def query_all(index: NearDuplicateIndex, texts: Sequence[str], *, processes: int = 1) -> list[Neighbour | None]:
    """For each text what `index.query` gives, in order; nothing is added.

    More than one process needs a system that can fork (Linux, macOS); elsewhere one does all the work.

    Raises:
        SynthgenError: a process died before it had answered.
    """
    if processes <= 1 or len(texts) < processes or "fork" not in multiprocessing.get_all_start_methods():
        return [index.query(text) for text in texts]
    context = multiprocessing.get_context("fork")
    workers = []
    found: list[Found] = [None] * len(texts)
    try:
        for share in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            worker = context.Process(target=_answer, args=(sender, index, texts[share::processes]), daemon=True)
            worker.start()
            sender.close()
            workers.append((worker, receiver))
        for share, (_, receiver) in enumerate(workers):
            found[share::processes] = _received(receiver)
    finally:
        for worker, receiver in workers:
            receiver.close()
            worker.terminate()
            worker.join()
    return [None if one is None else index.neighbour(*one) for one in found]


def check_all(
    index: NearDuplicateIndex,
    texts: Sequence[str],
    keys: Sequence[str] | None = None,
    *,
    processes: int = 1,
    block: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Neighbour | None]:
    """For each text what `index.check` gives, in order: None where it is new and has been added.

    `keys` are the texts' own, one each. `progress` is told how many texts of each block are done.

    Raises:
        SynthgenError: a process died before it had answered.
    """
    for start in range(0, len(texts), block):
        part = texts[start : start + block]
        own_keys = repeat("", len(part)) if keys is None else keys[start : start + block]
        # beside fewer texts than the block has, most of the work is the pass in order, and copying saves nothing
        if processes <= 1 or len(index) < len(part):
            yield from map(index.check, part, own_keys)
        else:
            yield from _ordered(index, part, own_keys, query_all(index, part, processes=processes))
        if progress is not None:
            progress(len(part))


def _ordered(
    index: NearDuplicateIndex, texts: Sequence[str], keys: Sequence[str] | repeat[str], before: list[Neighbour | None]
) -> Iterator[Neighbour | None]:
    added = index.empty_copy()
    first = len(index)
    for text, key, old in zip(texts, keys, before, strict=True):
        new = added.query(text) if old is not None else added.check(text, key)
        if new is None and old is None:
            index.add(text, key)
        # of equals the earliest is the nearest, and `old` is earlier than all that the block added
        if new is not None and (old is None or new.score > old.score):
            yield index.neighbour(first + new.number, new.score)
        else:
            yield old


def _answer(sender: Connection, index: NearDuplicateIndex, texts: Sequence[str]) -> None:
    try:
        answers: list[Found] | Exception = [
            None if (near := index.query(text)) is None else (near.number, near.score) for text in texts
        ]
    except (TypeError, MemoryError) as error:
        answers = error
    sender.send(answers)
    sender.close()


def _received(receiver: Connection) -> list[Found]:
    try:
        answers: list[Found] | Exception = receiver.recv()
    except EOFError as error:
        raise SynthgenError(
            "a process that looked for near-duplicates died", hint="if memory is short, use fewer processes"
        ) from error
    if isinstance(answers, Exception):
        raise answers
    return answers
