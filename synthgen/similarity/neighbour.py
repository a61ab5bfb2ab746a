"""What a near-duplicate is: the tokens in common that make one, what every way of finding it gives, two-part tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np

from synthgen.records import Record

Rule = Literal["gt", "ge"]
Arithmetic = Literal["exact", "compat"]
Lengths = np.ndarray[Any, np.dtype[np.int64]]


class Needed:
    """How many common tokens make two texts near-duplicates: the one place where threshold, rule and arithmetic meet.

    ROUGE-L F of token lists with lengths m and n and a longest common subsequence of L is 2L / (m + n). All else in
    this package works on the integer `needed(m, n)`: the smallest L at which a pair is dropped, because F > threshold
    (`gt`, as in Self-Instruct and Alpaca) or F >= threshold (`ge`).

    `exact` compares integers; `compat` compares the floats that rouge-score computes, which differ from the exact
    value at some ties (7/10 is one: of the 531 pairs of lengths up to 150 that can tie there, 272 fall on the other
    side under `gt` and 18 under `ge`). At threshold 1 both rules drop F = 1: identical texts are always caught.
    """

    def __init__(self, threshold: float, rule: Rule = "gt", arithmetic: Arithmetic = "exact") -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold is {threshold}; it is above 0 and at most 1")
        self.threshold = threshold
        self.rule: Rule = "ge" if threshold == 1 else rule
        self.arithmetic = arithmetic
        exact = Fraction(str(threshold))
        self._p, self._q = exact.numerator, exact.denominator
        self._scalar = lru_cache(maxsize=1 << 16)(self._one)

    def __call__(self, m: int, n: int) -> int:
        """The smallest L at which lengths m and n are near-duplicates; more than min(m, n) where none is enough."""
        return self._scalar(m, n)

    def _one(self, m: int, n: int) -> int:
        total = self._p * (m + n)
        common = -(-total // (2 * self._q)) if self.rule == "ge" else total // (2 * self._q) + 1
        common = max(common, 1)
        if self.arithmetic == "compat":
            while common > 1 and self._passes(score(common - 1, m, n)):
                common -= 1
            while common <= min(m, n) and not self._passes(score(common, m, n)):
                common += 1
        return common

    def over(self, m: Lengths, n: int | Lengths) -> Lengths:
        """`needed(m[i], n)`, or `needed(m[i], n[i])`, for arrays of lengths; int64, same shape."""
        total: Lengths = self._p * (m + n)
        if self.rule == "ge":
            common = -(-total // (2 * self._q))
        else:
            common = total // (2 * self._q) + 1
        common = np.maximum(common, 1)
        if self.arithmetic == "exact":
            return common
        # floats may put an exact tie on either side: at most one step away from the exact answer
        result = common + 2
        for shift in (1, 0, -1):
            tried = np.maximum(common + shift, 1)
            result = np.where(self._passes(scores(tried, m, n)), tried, result)
        return result

    def _passes(self, f: Any) -> Any:
        return f >= self.threshold if self.rule == "ge" else f > self.threshold

    def shortest(self, n: int) -> int:
        """The length of the shortest text that can be a near-duplicate of one of n tokens."""
        low, high = 1, n
        while low < high:
            middle = (low + high) // 2
            if self(middle, n) <= middle:
                high = middle
            else:
                low = middle + 1
        return low

    def prefix(self, n: int) -> int:
        """How many of the rarest elements of a text of n tokens every near-duplicate shares at least one of."""
        return n - self(self.shortest(n), n) + 1


def scores(common: Lengths, m: Lengths, n: int | Lengths) -> np.ndarray[Any, np.dtype[np.float64]]:
    """ROUGE-L F as rouge-score computes it in floats: 2PR / (P + R) with P = L/n and R = L/m."""
    precision, recall = common / n, common / m
    result: np.ndarray[Any, np.dtype[np.float64]] = 2 * precision * recall / (precision + recall)
    return result


def score(common: int, m: int, n: int) -> float:
    """The F of one pair, as rouge-score computes it."""
    if common == 0:
        return 0.0
    precision, recall = common / n, common / m
    return 2 * precision * recall / (precision + recall)


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
        return Neighbour(found.number, own_key, min(near.score, found.score), f"{own_instruction}\n{found.text}")

    def _inputs_of(self, group: int) -> Similarity:
        """The inputs kept with an instruction; most instructions have one, which needs no index."""
        if group not in self._inputs:
            self._inputs[group] = self._empty()
            self._inputs[group].add(*self._first.pop(group))
        return self._inputs[group]

    @staticmethod
    def _kept_as(instruction: str, key: str) -> str:
        return f"{instruction}\0{key}"
