"""What keeps attempts in order: turns that they pass one by one, and the pool as each of them may see it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from synthgen.records import Record
from synthgen.requests.request import Draining


class Turn:
    """Attempts 0, 1, 2 … pass in this order; `close(k)` sends away k and all later ones."""

    def __init__(self) -> None:
        self.passed = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._closed_from: int | None = None

    async def wait(self, attempt: int) -> None:
        """Returns when all earlier attempts have passed.

        Raises:
            Draining: an earlier attempt ended before it passed, so the turn of this one never comes.
        """
        if self._closed_from is not None and attempt >= self._closed_from:
            raise Draining
        if attempt > self.passed:
            future = self._waiting[attempt] = asyncio.get_running_loop().create_future()
            try:
                await future
            finally:
                self._waiting.pop(attempt, None)

    def advance(self) -> None:
        """Lets the next attempt pass."""
        self.passed += 1
        future = self._waiting.get(self.passed)
        if future is not None and not future.done():
            future.set_result(None)

    def close(self, attempt: int) -> None:
        """Nobody from this attempt on will pass (no effect on those that have)."""
        if attempt < self.passed:
            attempt = self.passed
        if self._closed_from is None or attempt < self._closed_from:
            self._closed_from = attempt
        for number, future in list(self._waiting.items()):
            if number >= self._closed_from and not future.done():
                future.set_exception(Draining())


class Prefix(Sequence[Record]):
    """The first `length` records of a list that only grows: a view, not a copy."""

    __slots__ = ("_length", "_records")

    def __init__(self, records: list[Record], length: int) -> None:
        self._records = records
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self._records[i] for i in range(*index.indices(self._length))]
        return self._records[range(self._length)[index]]

    def __iter__(self) -> Iterator[Record]:
        for i in range(self._length):
            yield self._records[i]


class View:
    """The pool as one attempt sees it."""

    __slots__ = ("machine", "seeds")

    def __init__(self, seeds: Sequence[Record], machine: Sequence[Record]) -> None:
        self.seeds = seeds
        self.machine = machine


class Pool:
    """Remembers how large it was after each attempt, so that a view depends on attempt numbers and not on timing."""

    def __init__(self, seeds: Sequence[Record]) -> None:
        self.seeds = tuple(seeds)
        self._machine: list[Record] = []
        self._sizes: list[int] = []

    def join(self, records: Iterable[Record]) -> None:
        """Adds what the next attempt (in order) has brought; called once an attempt, also for none."""
        self._machine.extend(records)
        self._sizes.append(len(self._machine))

    def view(self, attempts: int) -> View:
        """The pool as it was when the first `attempts` attempts had joined (0 or less: seed tasks only)."""
        return View(self.seeds, Prefix(self._machine, self._sizes[attempts - 1] if attempts > 0 else 0))
