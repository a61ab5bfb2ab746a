"""What a run will cost: requests, tokens and dollars from a few attempts' numbers, and what its window costs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from synthgen.cli.plan import Asked, Walk
from synthgen.pipeline import Pipeline, default_window
from synthgen.prices import Price
from synthgen.slots import START

WORST_YIELD = 0.25
"""The upper bounds suppose that one record in four is kept."""

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BUSY: dict[int, tuple[float, ...]] = {
    0: (0.10, 0.15, 0.22, 0.34, 0.52, 0.72, 0.89, 0.95),
    1: (0.21, 0.31, 0.45, 0.63, 0.80, 0.96, 0.98, 0.98),
    3: (0.41, 0.54, 0.69, 0.85, 0.91, 0.94, 0.95, 0.95),
    8: (0.66, 0.80, 0.91, 0.99, 0.99, 0.99, 0.99, 0.99),
    20: (0.89, 0.96, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00),
}
"""The share of slots that stay busy, by the requests of an attempt behind the first and by window / concurrency.

From a discrete-event simulation with log-normal latency (sigma 1), the mean of 16 and 64 slots.
"""


@dataclass(frozen=True, slots=True)
class Range:
    """The least, where every record is kept and replies are short, and the most; None where nothing bounds it."""

    least: float
    most: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What reaching `records` accepted ones takes; `usd` is None where a price is not known."""

    records: int
    requests: Range
    tokens: Range
    usd: Range | None


def estimate(walked: Walk, records: int, prices: Mapping[str, Price | None]) -> Estimate:
    """What so many accepted records take, by the numbers of a few attempts."""
    per_record = records / walked.generated
    asked = list(walked.asked.values())
    requests = sum(a.requests for a in asked) * per_record
    least = sum(a.prompt_tokens + a.completion_tokens for a in asked) * per_record
    most = None if any(a.most is None for a in asked) else sum(a.prompt_tokens + (a.most or 0) for a in asked)
    return Estimate(
        records,
        Range(requests, requests / WORST_YIELD),
        Range(least, None if most is None else most * per_record / WORST_YIELD),
        _usd(walked.asked, prices, per_record),
    )


def _usd(asked: Mapping[str, Asked], prices: Mapping[str, Price | None], per_record: float) -> Range | None:
    least, most = 0.0, 0.0
    bounded = True
    for name, numbers in asked.items():
        price = prices[name]
        if not numbers.requests:
            continue
        if price is None:
            return None
        least += price.usd(numbers.prompt_tokens, numbers.completion_tokens)
        most += price.usd(numbers.prompt_tokens, numbers.most or 0)
        bounded = bounded and numbers.most is not None
    return Range(least * per_record, most * per_record / WORST_YIELD if bounded else None)


@dataclass(frozen=True, slots=True)
class Window:
    """A run's window, in attempts, its slots (those it begins with), and the share of them that stays busy."""

    attempts: int
    slots: int
    busy: float


def window_of(pipeline: Pipeline, walked: Walk | None) -> Window | None:
    """The window, where the source reads the pool; the share supposes that replies take log-normal times."""
    if not pipeline.source.reads_pool:
        return None
    attempts = pipeline.window or default_window(pipeline.target)
    behind = sum(a.requests for a in walked.asked.values()) / walked.attempts - 1 if walked else 0
    rows = [n for n in BUSY if n <= max(behind, 0)]
    slots = pipeline.concurrency or START
    return Window(attempts, slots, _between(attempts / slots, BUSY[rows[-1]]))


def _between(ratio: float, shares: tuple[float, ...]) -> float:
    """The share at this ratio, on the line between the two simulated ones next to it."""
    at = bisect_left(RATIOS, ratio)
    if at == 0:
        return shares[0] * ratio / RATIOS[0]
    if at == len(RATIOS):
        return shares[-1]
    part = (ratio - RATIOS[at - 1]) / (RATIOS[at] - RATIOS[at - 1])
    return shares[at - 1] + part * (shares[at] - shares[at - 1])
