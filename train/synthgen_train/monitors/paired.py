"""Two models on the same probes: the difference, how sure it is, and whether it is too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95

Worse = Literal["higher", "lower", "either"]


@dataclass(frozen=True, slots=True)
class Gate:
    """When a difference is too much: in the `worse` direction beyond `most`, with an interval that leaves 0 out.

    `relative` measures `most` against the baseline's mean. `least` bounds the model's own mean, baseline or not.
    """

    worse: Worse
    most: float
    relative: bool = False
    least: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure. `low` and `high` bound the mean paired difference (model - baseline) with 95 % confidence."""

    name: str
    items: int
    model: float
    baseline: float | None
    difference: float | None
    low: float | None
    high: float | None
    passed: bool
    why: str = ""


def interval(differences: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean, at 95 %; the same values give the same interval."""
    values = np.asarray(differences, dtype=float)
    draw = np.random.default_rng(seed)
    means = values[draw.integers(0, len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def compare(name: str, model: Sequence[float], baseline: Sequence[float] | None, gate: Gate) -> Comparison:
    """The measure of both models on the same items, held against the gate.

    Raises:
        ValueError: the two were not measured on equally many items, or on none.
    """
    if not model or (baseline is not None and len(baseline) != len(model)):
        raise ValueError(f"{name}: {len(model)} values of the model, {len(baseline or ())} of the baseline")
    own = float(np.mean(model))
    short = gate.least is not None and own < gate.least
    why = f"below {gate.least:g}" if short else ""
    if baseline is None:
        return Comparison(name, len(model), own, None, None, None, None, not short, why)
    differences = [a - b for a, b in zip(model, baseline, strict=True)]
    mean = float(np.mean(differences))
    low, high = interval(differences)
    base = float(np.mean(baseline))
    most = gate.most * (abs(base) if gate.relative else 1.0)
    up = gate.worse in ("higher", "either") and mean > most and low > 0
    down = gate.worse in ("lower", "either") and mean < -most and high < 0
    if up or down:
        unit = "% of the baseline" if gate.relative else ""
        limit = gate.most * 100 if gate.relative else gate.most
        why = f"{'up' if up else 'down'} by more than {limit:g}{unit}"
    return Comparison(name, len(model), own, base, mean, low, high, not (short or up or down), why)
