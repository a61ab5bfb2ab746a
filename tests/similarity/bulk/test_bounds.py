from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from synthgen.similarity.bulk.compare import Bounds
from synthgen.similarity.neighbour import Arithmetic, Needed, Rule

LENGTHS = [*range(1, 31), 255, 256, 300]


@pytest.mark.parametrize("threshold", [0.05, 0.5, 2 / 3, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("arithmetic", get_args(Arithmetic))
def test_the_bounds_hold_for_every_pair_of_lengths(threshold, rule, arithmetic):
    needed, bounds = Needed(threshold, rule, arithmetic), Bounds(threshold, rule, arithmetic)
    m, n = (grid.ravel().astype(np.int64) for grid in np.meshgrid(LENGTHS, LENGTHS))
    least = np.array([needed(a, b) for a, b in zip(m.tolist(), n.tolist(), strict=True)])
    possible = least <= np.minimum(m, n)
    for part in (np.arange(len(m)), np.flatnonzero((m < 256) & (n < 256))):  # computed, and looked up
        assert (bounds.allowed(m[part], n[part]) == np.where(possible, m + n - 2 * least, -1)[part]).all()
    allowed = np.minimum((m + n - 2 * least), 64)
    assert (bounds.most_allowed(m, bounds.longest(m)) >= allowed)[possible].all()
    for skipped in (0, 1, 3, 9):
        # a match that lacks the first elements of one side shares at most the others
        fits = possible & (least <= n - skipped)
        assert (bounds.shortest(m, skipped) <= n)[fits].all()
        assert (bounds.longest(n, skipped) >= m)[fits].all()
        assert (bounds.deepest(m, bounds.longest(m)) >= skipped)[fits].all()
    for a in LENGTHS:
        shortest_overlap = min(least[(m == a) & possible])
        assert bounds.prefix(np.array([a]))[0] >= a - shortest_overlap + 1


def test_the_prefix_is_short():
    assert Bounds(0.7, "gt", "exact").prefix(np.array([10, 12, 100])).tolist() == [5, 6, 47]
