"""Values counted in bins of one width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST_BINS = 30
SIMILARITY_BINS = 50


def length_histogram(values: Sequence[int]) -> dict[str, Any]:
    """How many values lie in [0, width), [width, 2 width) …, and `above` all of these bins.

    The bins reach to the 99th percentile: a few very long texts would else leave one bin for all the others.
    """
    if not values:
        return {"width": 1, "counts": [], "above": 0}
    top = sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]
    width = _width(top)
    counts = [0] * (top // width + 1)
    above = 0
    for value in values:
        if value // width < len(counts):
            counts[value // width] += 1
        else:
            above += 1
    return {"width": width, "counts": counts, "above": above}


def similarity_histogram(values: Sequence[float]) -> dict[str, Any]:
    """How many values lie in each fiftieth of 0 to 1; 1 itself is in the last one."""
    counts = [0] * SIMILARITY_BINS
    for value in values:
        # 0.58 * 50 is 28.999…: a bound belongs to the bin above it
        counts[min(SIMILARITY_BINS - 1, max(0, int(value * SIMILARITY_BINS + 1e-9)))] += 1
    return {"width": 1 / SIMILARITY_BINS, "counts": counts}


def _width(top: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 … that covers 0 to `top` in at most `MOST_BINS` bins."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if top // (digit * power) < MOST_BINS:
                return digit * power
        power *= 10
