"""What every way of finding near-duplicates gives; and tasks, which are near in both of their parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from synthgen.records import Record


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The most similar kept text: its number (order of adding), the caller's key, the similarity, and the text."""

    number: int
    key: str
    score: float
    text: str


class Similarity(Protocol):
    """Kept texts, and for a further text the nearest of them that makes it a near-duplicate."""

    def __len__(self) -> int: ...

    def query(self, text: str) -> Neighbour | None:
        """The nearest kept text (the earliest of equals) that makes this one a near-duplicate, or None."""
        ...

    def add(self, text: str, key: str = "") -> int:
        """Keeps the text, whatever it resembles; returns its number."""
        ...

    def check(self, text: str, key: str = "") -> Neighbour | None:
        """As `query`; where that is None the text is added."""
        ...


def task_of(record: Record) -> tuple[str, str]:
    """The instruction, and what it works on: earlier turns and the input; empty where there is neither."""
    earlier = [turn.content for turn in record.history if turn.content]
    return record.instruction, "\n".join([*earlier, record.input]).strip()


class TaskIndex:
    """Kept tasks of an instruction and an input, by indexes that `empty` makes.

    A further one is a near-duplicate where its instruction is one of a kept instruction and its input one of the inputs
    kept with that. So many inputs to one instruction stay, however long it is, and so do many questions on one text.
    """

    def __init__(self, empty: Callable[[], Similarity]) -> None:
        self._empty = empty
        self._instructions = empty()
        self._inputs: dict[int, Similarity] = {}
        self._first: dict[int, tuple[str, str]] = {}

    def check(self, instruction: str, given: str, key: str = "") -> Neighbour | None:
        """The nearest kept task (its text is instruction and input) that makes this one a near-duplicate; or None, and
        it is kept.
        """
        near = self._instructions.check(instruction, key)
        group = len(self._instructions) - 1 if near is None else near.number
        found = None if near is None else self._inputs_of(group).check(given, self._kept_as(instruction, key))
        if near is None:
            self._first[group] = (given, self._kept_as(instruction, key))
        if near is None or found is None:
            return None
        own_instruction, _, own_key = found.key.rpartition("\0")
        score = min(near.score, found.score)
        return Neighbour(found.number, own_key, score, f"{own_instruction}\n{found.text}")

    def _inputs_of(self, group: int) -> Similarity:
        """The inputs kept with an instruction; most instructions have one, which needs no index."""
        if group not in self._inputs:
            self._inputs[group] = self._empty()
            self._inputs[group].add(*self._first.pop(group))
        return self._inputs[group]

    @staticmethod
    def _kept_as(instruction: str, key: str) -> str:
        return f"{instruction}\0{key}"
