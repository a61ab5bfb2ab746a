"""The pool: seed tasks, and the machine-made records that have passed the near-duplicate turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from synthgen.records import Record


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
