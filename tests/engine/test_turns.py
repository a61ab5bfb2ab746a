from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.engine.ordering import Turn
from synthgen.requests.request import Draining


async def passing(arrivals: list[int], closed: int | None) -> tuple[list[int], set[int]]:
    turn = Turn()
    passed: list[int] = []
    sent_away: set[int] = set()

    async def attempt(number: int) -> None:
        if number == closed:
            turn.close(number)
            return
        try:
            await turn.wait(number)
        except Draining:
            sent_away.add(number)
            return
        passed.append(number)
        turn.advance()

    tasks = []
    for number in arrivals:
        tasks.append(asyncio.create_task(attempt(number)))
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    return passed, sent_away


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(0, 10**6), st.booleans())
def test_attempts_pass_in_order_and_those_behind_one_that_left_are_sent_away(n: int, seed: int, leaves: bool) -> None:
    rng = random.Random(seed)
    arrivals = rng.sample(range(n), n)
    closed = rng.randrange(n) if leaves else None
    passed, sent_away = asyncio.run(passing(arrivals, closed))
    limit = n if closed is None else closed
    assert passed == list(range(limit))
    assert sent_away == set(range(limit + 1, n))


def test_closing_behind_those_that_have_passed_changes_nothing_for_them() -> None:
    async def body() -> None:
        turn = Turn()
        await turn.wait(0)
        turn.advance()
        turn.close(0)
        assert turn.passed == 1
        try:
            await turn.wait(1)
        except Draining:
            return
        raise AssertionError("attempt 1 passed a closed turn")

    asyncio.run(body())
