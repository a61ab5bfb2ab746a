from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from synthgen.api.plan import BUSY, RATIOS, Asked, Range, Walk, estimate, window_of
from synthgen.requests.metering import Price


def walked(most: int | None = 4000) -> Walk:
    """Two attempts with 10 records and 4 requests."""
    return Walk(2, 10, {"teacher": Asked(4, 400, 100, most=most), "judge": Asked()})


def test_the_least_is_all_kept_and_the_most_one_in_four_with_the_longest_replies() -> None:
    plan = estimate(walked(), 100, {"teacher": Price(input=1, output=2), "judge": None})
    assert plan.requests == Range(40, 160)
    assert plan.tokens == Range(5000, 4 * 10 * 4400)
    assert plan.usd is not None
    assert plan.usd.least == pytest.approx(10 * (400 + 2 * 100) / 1e6)
    assert plan.usd.most == pytest.approx(4 * 10 * (400 + 2 * 4000) / 1e6)


def test_what_is_not_bounded_has_no_most() -> None:
    plan = estimate(walked(None), 100, {"teacher": Price(input=1, output=2), "judge": None})
    assert plan.tokens.most is None
    assert plan.usd is not None
    assert plan.usd.most is None


def test_a_cost_is_known_when_every_teacher_that_is_asked_has_a_price() -> None:
    assert estimate(walked(), 100, {"teacher": None, "judge": None}).usd is None


def pipeline(window: int | None, concurrency: int, *, reads_pool: bool = True, target: int = 960) -> Any:
    source = SimpleNamespace(reads_pool=reads_pool)
    return SimpleNamespace(source=source, window=window, concurrency=concurrency, target=target)


def test_a_source_that_does_not_read_the_pool_has_no_window() -> None:
    assert window_of(pipeline(None, 8, reads_pool=False), walked()) is None


def test_the_window_is_the_targets_and_its_price_the_simulations() -> None:
    found = window_of(pipeline(None, 10), walked())
    assert found is not None
    # 20 attempts for 10 slots, one request behind the first
    assert (found.attempts, found.busy) == (20, BUSY[1][RATIOS.index(2.0)])


@pytest.mark.parametrize(("window", "busy"), [(1, 0.105), (30, 0.715), (10_000, 0.98)])
def test_between_and_beyond_the_simulated_windows(window: int, busy: float) -> None:
    found = window_of(pipeline(window, 8 if window == 1 else 10), walked())
    assert found is not None
    assert found.busy == pytest.approx(busy)


def test_nothing_is_known_of_the_requests() -> None:
    found = window_of(pipeline(10, 10), None)
    assert found is not None
    assert found.busy == BUSY[0][RATIOS.index(1.0)]
