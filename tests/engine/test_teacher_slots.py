"""Slots that are set, and slots that are found by the rate of replies."""

from __future__ import annotations

import asyncio
import heapq
import math
import random

import pytest

from synthgen.engine.slots import START, Growth, Slots


def simulated(
    most: int = 512,
    *,
    capacity: float = math.inf,
    sigma: float = 0.0,
    seed: int = 0,
    replies: int = 6000,
    wanted: float = math.inf,
) -> tuple[Growth, float]:
    """The state after so many replies of a server that works on `capacity` requests at once and queues the others, and
    the mean number of slots in the second half of the replies.

    `wanted` is how many requests there are at once at most.
    """
    growth, rng = Growth(most), random.Random(seed)
    now, busy = 0.0, 0
    working: list[float] = []
    queue = total = 0
    for number in range(replies):
        while busy < min(growth.limit, wanted):
            busy += 1
            queue += 1
        while queue and len(working) < capacity:
            heapq.heappush(working, now + math.exp(rng.gauss(0, sigma)))
            queue -= 1
        now = heapq.heappop(working)
        growth.ended(now, more_wanted=wanted > growth.limit)
        busy -= 1
        total += growth.limit * (number >= replies // 2)
    return growth, total / (replies - replies // 2)


@pytest.mark.parametrize("sigma", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_server_that_takes_all_gets_the_most(sigma: float, seed: int) -> None:
    assert simulated(sigma=sigma, seed=seed)[0].limit == 512
    assert simulated(2048, sigma=sigma, seed=seed, replies=20_000)[0].limit == 2048


@pytest.mark.parametrize("sigma", [0.0, 1.0])
@pytest.mark.parametrize("capacity", [1, 8, 50, 100])
def test_a_server_that_queues_gets_not_much_more_than_it_works_on(capacity: int, sigma: float) -> None:
    means = [simulated(capacity=capacity, sigma=sigma, seed=seed, replies=10_000)[1] for seed in range(6)]
    assert min(means) >= min(capacity, START)
    assert sum(means) / len(means) <= 2 * max(START, capacity)
    assert max(means) <= 4 * max(START, capacity)  # the first rates are rough


def test_where_few_are_wanted_nothing_is_tried() -> None:
    assert simulated(wanted=20)[0].limit == START


def test_a_limit_that_is_small_is_kept() -> None:
    assert simulated(7)[0].limit == 7


def test_it_grows_again_when_the_server_does() -> None:
    growth, _ = simulated(capacity=16, replies=2000)
    before = growth.limit
    now = 1e6
    for _ in range(20_000):  # from now on every reply takes a second, however many there are
        now += 1 / growth.limit
        growth.ended(now, more_wanted=True)
    assert before <= 64
    assert growth.limit == 512


def test_a_number_that_is_set_is_kept() -> None:
    async def work() -> int:
        slots, busy, peak = Slots(3), 0, 0

        async def use() -> None:
            nonlocal busy, peak
            await slots.take()
            busy += 1
            peak = max(peak, busy)
            await asyncio.sleep(0)
            busy -= 1
            slots.give_back()

        await asyncio.gather(*(use() for _ in range(500)))
        assert slots.limit == 3
        return peak

    assert asyncio.run(work()) == 3


def test_first_come_first_served_and_a_cancelled_one_gives_its_place_on() -> None:
    async def work() -> list[int]:
        slots, order = Slots(1), []
        await slots.take()

        async def use(number: int) -> None:
            await slots.take()
            order.append(number)
            slots.give_back()

        tasks = [asyncio.create_task(use(number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        slots.give_back()  # goes to the second
        tasks[1].cancel()  # which is cancelled with the slot in its hand
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(slots.take(), 30)
        return order

    assert asyncio.run(work()) == [2, 3]


class Jumping(asyncio.SelectorEventLoop):
    """Its clock goes from one timer to the next at once, so that a rate is not that of this machine."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def at_once(timeout: float | None) -> object:
            self._at += timeout or 0.0
            return select(0)

        self._selector.select = at_once  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._at


def test_slots_grow_while_replies_come_faster() -> None:
    async def work() -> int:
        slots = Slots(None, most=128)

        async def use() -> None:
            await slots.take()
            await asyncio.sleep(0.005)
            slots.give_back()

        await asyncio.gather(*(use() for _ in range(3000)))
        return slots.limit

    with asyncio.Runner(loop_factory=Jumping) as runner:
        assert runner.run(work()) == 128
