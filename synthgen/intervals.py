"""Bootstrap intervals: paired over prompts, and hierarchical over seeds and then prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds of its percentile bootstrap interval at 95 %."""

    mean: float
    low: float
    high: float


def interval(values: Sequence[float], seed: int = 0) -> Interval:
    """The mean of the values over resampled prompts; of paired differences, the paired interval.

    Raises:
        ValueError: there are no values.
    """
    return hierarchical([values], seed)


def hierarchical(groups: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """The mean over groups (training seeds) of their means: groups are resampled, and then the values in each.

    One group gives the interval over its values alone.

    Raises:
        ValueError: there are no groups, or an empty one.
    """
    if not groups or not all(len(group) for group in groups):
        raise ValueError("an interval needs values")
    draw = np.random.default_rng(seed)
    arrays = [np.asarray(group, dtype=float) for group in groups]
    means = np.stack(
        [a[draw.integers(0, len(a), size=(RESAMPLES * len(arrays), len(a)))].mean(axis=1) for a in arrays]
    ).reshape(len(arrays), RESAMPLES, len(arrays))
    chosen = draw.integers(0, len(arrays), size=(RESAMPLES, len(arrays)))
    # slot j of a resample takes the j-th resampled mean of the group it drew, so equal groups differ
    drawn = means[chosen, np.arange(RESAMPLES)[:, None], np.arange(len(arrays))[None, :]].mean(axis=1)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(np.mean([a.mean() for a in arrays])), float(low), float(high))


def paired(new: Sequence[float], old: Sequence[float], seed: int = 0) -> Interval:
    """The mean difference new - old on the same prompts."""
    return interval([a - b for a, b in zip(new, old, strict=True)], seed)
