"""The adaptive limit against a simulated server: virtual time, so that minutes of traffic take milliseconds."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from synthgen.teachers.openai.limits import START, Concurrency

MEAN_S = 0.2
Latency = Callable[[random.Random], float]


def fixed(rng: random.Random) -> float:
    return MEAN_S


def uniform(rng: random.Random) -> float:
    return rng.uniform(0.1, 0.3)


def log_normal(rng: random.Random) -> float:
    return MEAN_S * math.exp(rng.gauss(0, 1) - 0.5)


@dataclass
class Run:
    seconds: float
    refused: int
    limits: list[int]

    @property
    def limit(self) -> int:
        return self.limits[-1]


def simulate(
    requests: int,
    clients: int,
    *,
    latency: Latency = uniform,
    slots: Callable[[float], float] = lambda at: math.inf,
    noise: float = 0.0,
    retry_after_s: float = 0.5,
    seed: int = 0,
) -> Run:
    """So many requests by so many clients through the limiter, to a server with slots and random refusals."""
    rng = random.Random(seed)
    limiter = Concurrency()
    events: list[tuple[float, int, str, int]] = []
    waiting: deque[int] = deque()
    now, number, unstarted, at_server, refused = 0.0, 0, requests, 0, 0
    limits = [limiter.limit]
    way_s = 0.0005

    def later(delay_s: float, what: str, level: int = 0) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (now + delay_s, number, what, level))

    def send() -> None:
        while waiting and limiter.room:
            waiting.popleft()
            later(way_s, "arrives", limiter.sent())

    def start(count: int) -> None:
        nonlocal unstarted
        count = min(count, unstarted)
        unstarted -= count
        waiting.extend([0] * count)
        send()

    start(clients)
    while events:
        now, _, what, level = heapq.heappop(events)
        if what == "arrives":
            if at_server >= slots(now) or rng.random() < noise:
                later(way_s, "refused", level)
            else:
                at_server += 1
                later(latency(rng), "served", level)
        elif what == "served":
            at_server -= 1
            later(way_s, "good", level)
        elif what == "refused":
            refused += 1
            limiter.refused(level)
            later(retry_after_s * rng.uniform(1, 1.1), "again")
        elif what == "again":
            waiting.appendleft(0)
        else:
            limiter.succeeded(level, more_wanted=bool(waiting))
            start(1)
        limits.append(limiter.limit)
        send()
    assert limiter.in_service == 0
    return Run(now, refused, limits)


LATENCIES = [fixed, uniform, log_normal]


@pytest.mark.parametrize("latency", LATENCIES)
def test_a_willing_server_gets_all_that_there_is(latency: Latency) -> None:
    run = simulate(20_000, 3 * START, latency=latency)
    assert run.refused == 0
    assert run.limit >= 2.9 * START


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("noise", [0.05, 0.2, 0.3])
def test_random_refusals_do_not_collapse_the_limit(latency: Latency, noise: float) -> None:
    run = simulate(20_000, 100, latency=latency, noise=noise, retry_after_s=0.5)
    waits_s = 0.5 * noise / (1 - noise)  # a client that is refused sleeps
    assert run.seconds < 20_000 * (MEAN_S + waits_s) / 100 / 0.9 + 3


@pytest.mark.parametrize("latency", LATENCIES)
def test_the_limit_grows_in_spite_of_random_refusals(latency: Latency) -> None:
    run = simulate(60_000, 3 * START, latency=latency, noise=0.05)
    assert max(run.limits) > 1.5 * START


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("clients", [100, 500])
@pytest.mark.parametrize("retry_after_s", [0.1, 2.0])
def test_a_limit_on_requests_at_once_is_found_and_kept(latency: Latency, clients: int, retry_after_s: float) -> None:
    run = simulate(10_000, clients, latency=latency, slots=lambda at: 50, retry_after_s=retry_after_s)
    ideal_s = 10_000 * MEAN_S / 50
    assert run.seconds < ideal_s / 0.9 + 2 * retry_after_s
    assert run.refused < (3500 if latency is fixed else 300 + clients)
    assert 45 <= run.limit <= 62


def test_a_limit_and_random_refusals_together() -> None:
    run = simulate(10_000, 100, noise=0.05, slots=lambda at: 50, retry_after_s=0.1)
    assert run.seconds < 10_000 * MEAN_S / 50 / 0.9
    assert run.refused < 2000


def test_a_limit_that_falls_is_followed_down() -> None:
    run = simulate(20_000, 200, slots=lambda at: 100 if at < 20 else 25, retry_after_s=0.1)
    assert run.limit <= 35
    assert run.seconds < (20 + 10_000 * MEAN_S / 25) / 0.9


def test_a_limit_that_rises_is_followed_up() -> None:
    run = simulate(20_000, 400, slots=lambda at: 25 if at < 20 else 200, retry_after_s=0.1)
    assert max(run.limits) >= 190
    assert run.seconds < 20 + 17_500 * MEAN_S / 200 + 6


def test_a_server_with_one_slot_gets_one_at_a_time() -> None:
    run = simulate(300, 16, slots=lambda at: 1, retry_after_s=0.1)
    assert run.limit == 1
    assert run.seconds < 300 * MEAN_S / 0.9


def test_a_server_that_refuses_all_does_not_close_the_gate() -> None:
    limiter = Concurrency()
    for level in [limiter.sent() for _ in range(100)]:
        limiter.refused(level)
    assert limiter.limit == START
    assert limiter.room


def test_more_than_the_most_is_never_sent() -> None:
    limiter = Concurrency(most=10)
    for _ in range(100):
        levels = []
        while limiter.room:
            levels.append(limiter.sent())
        assert len(levels) == 10
        for level in levels:
            limiter.succeeded(level, more_wanted=True)


def test_time_outs_of_a_queue_that_is_too_long_shorten_it() -> None:
    limiter = Concurrency()
    for _ in range(12):
        levels = []
        while limiter.room:
            levels.append(limiter.sent())
        for level in levels:
            if level <= 12:  # those behind the first dozen wait longer than the time-out
                limiter.succeeded(level, more_wanted=True)
            else:
                limiter.timed_out(level)
    assert limiter.limit < 30


def test_rare_time_outs_do_not() -> None:
    limiter = Concurrency()
    for _ in range(50):
        levels = [limiter.sent() for _ in range(100)]
        for number, level in enumerate(levels):
            if number % 100 == 57:
                limiter.timed_out(level)
            else:
                limiter.succeeded(level, more_wanted=False)
    assert limiter.limit >= 100
