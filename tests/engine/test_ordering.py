"""What keeps attempts in order: turns, and the pool as each attempt may see it."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.engine.ordering import Pool, Turn
from synthgen.records import Record
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
        with pytest.raises(Draining):
            await turn.wait(1)

    asyncio.run(body())


def record(i: int) -> Record:
    return Record(instruction=f"task {i}")


def test_a_view_is_the_pool_as_it_was_after_so_many_attempts() -> None:
    pool = Pool([record(100)])
    pool.join([record(0), record(1)])
    pool.join([])
    pool.join([record(2)])
    assert [[r.instruction for r in pool.view(n).machine] for n in (-3, 0, 1, 2, 3)] == [
        [],
        [],
        ["task 0", "task 1"],
        ["task 0", "task 1"],
        ["task 0", "task 1", "task 2"],
    ]
    assert [r.instruction for r in pool.view(0).seeds] == ["task 100"]


def test_a_view_does_not_grow_and_behaves_as_a_sequence() -> None:
    pool = Pool([])
    pool.join([record(i) for i in range(5)])
    view = pool.view(1).machine
    pool.join([record(9)])
    assert len(view) == 5
    assert view[-1].instruction == "task 4"
    assert [r.instruction for r in view[1:3]] == ["task 1", "task 2"]
    assert view[::2] == [view[0], view[2], view[4]]
    with pytest.raises(IndexError):
        view[5]
