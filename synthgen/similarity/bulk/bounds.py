"""What the lengths of two texts alone say of them, for whole arrays of lengths."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from synthgen.similarity.needed import Arithmetic, Needed, Rule

Ints = NDArray[np.int64]

TABLE = 256
"""Pairs of lengths below this are looked up, others computed."""
PARTS = 10**6
"""Bounds take the threshold as a fraction of at most this denominator, rounded down, so that no product overflows."""


class Bounds:
    """`Needed`, and bounds that follow from it: in real numbers, and so valid for every rule and arithmetic."""

    def __init__(self, threshold: float, rule: Rule, arithmetic: Arithmetic) -> None:
        self.needed = Needed(threshold, rule, arithmetic)
        below = Fraction(max(math.floor(Fraction(str(threshold)) * PARTS), 1), PARTS)
        self.p, self.q = below.numerator, below.denominator
        lengths = np.maximum(np.arange(TABLE, dtype=np.int64), 1)
        self._allowed = self._compute(np.repeat(lengths, TABLE), np.tile(lengths, TABLE)).astype(np.int16)

    def allowed(self, m: Ints, n: Ints) -> Ints | NDArray[np.int16]:
        """How many elements of both texts together may be unshared; below 0 where the lengths alone exclude a match."""
        if len(m) and max(m.max(), n.max()) >= TABLE:
            return self._compute(m, n)
        return self._allowed.take(m * TABLE + n)

    def _compute(self, m: Ints, n: Ints) -> Ints:
        needed = self.needed.over(m, n)
        return np.where(needed <= np.minimum(m, n), m + n - 2 * needed, -1)

    def most_allowed(self, m: Ints, longest: Ints) -> NDArray[np.uint8]:
        """A bound on `allowed` over all partners of at most `longest` tokens; 64 stands for all above."""
        return self.own_share(m + longest)

    def own_share(self, m: Ints) -> NDArray[np.uint8]:
        """What m tokens add to `allowed`, which is at most the shares of both texts and 1; 64 stands for all above."""
        share: NDArray[np.uint8] = np.minimum((self.q - self.p) * m // self.q, 64).astype(np.uint8)
        return share

    def shortest(self, m: Ints, skipped: Ints | int = 0) -> Ints:
        """The least number of tokens of a match for m tokens of which the first `skipped` elements are not shared."""
        return -(-(2 * self.q * skipped + self.p * m) // (2 * self.q - self.p))

    def longest(self, m: Ints, skipped: Ints | int = 0) -> Ints:
        """The greatest number of tokens of a match for m tokens `skipped` of which it does not share."""
        return 2 * self.q * (m - skipped) // self.p - m

    def deepest(self, m: Ints, longest: Ints) -> Ints:
        """How many of its first elements a match of at most `longest` tokens can leave unshared; below 0: no match."""
        return ((2 * self.q - self.p) * longest - self.p * m) // (2 * self.q)

    def prefix(self, n: Ints) -> Ints:
        """How many of n elements, in any fixed order, hold one that every match shares within its own prefix.

        With k shared elements n - k are not, so the first n - k + 1 hold a shared one; k is least beside the shortest
        match.
        """
        shared = -(-self.p * (self.shortest(n) + n) // (2 * self.q))
        prefix: Ints = n - np.maximum(shared, 1) + 1
        return prefix
