"""How many common tokens make two texts near-duplicates: the one place where threshold, rule and arithmetic meet.

ROUGE-L F of token lists with lengths m and n and a longest common subsequence of L is 2L / (m + n). All else in this
package works on the integer `needed(m, n)`: the smallest L at which a pair is dropped.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import numpy as np

Rule = Literal["gt", "ge"]
Arithmetic = Literal["exact", "compat"]
Lengths = np.ndarray[Any, np.dtype[np.int64]]


class Needed:
    """Drops a pair iff F > threshold (`gt`, as Self-Instruct and Alpaca do) or F >= threshold (`ge`).

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
