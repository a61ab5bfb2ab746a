"""Several servers for one teacher, and the rules by which one of them gets a request."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest
from openai_parts import OpenAIServer, Plan, ask_all, good, opened

from synthgen.errors import TeacherError
from synthgen.teachers.openai import endpoint as endpoints
from synthgen.teachers.openai.endpoint import (
    FAILURES_TO_SET_ASIDE,
    REFUSALS_TO_PAUSE,
    TRIAL_MIN_S,
    TRIAL_S,
    Endpoint,
    Ticket,
)
from synthgen.teachers.openai.limits import Concurrency
from synthgen.teachers.openai.problems import Again


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def at_servers(*plans: Plan, count: int = 200, **settings: Any) -> list[dict[str, Any]]:
    """The servers' counts after `count` good replies."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(OpenAIServer(plan)) for plan in plans]
        settings = {"base_url": [s.url for s in servers], "model": "test-model", **settings}
        teacher = await stack.enter_async_context(opened(**settings))
        assert good(await ask_all(teacher, count)) == count
        return [server.stats() for server in servers]


def test_equal_servers_get_equal_shares() -> None:
    stats = run(at_servers(Plan(latency_s=0.02), Plan(latency_s=0.02)))
    assert all(80 <= s["requests"] <= 120 for s in stats)


def test_the_faster_server_gets_more() -> None:
    fast, slow = run(at_servers(Plan(latency_s=0.03), Plan(latency_s=0.4)))
    assert fast["requests"] > 2 * slow["requests"]


def test_a_server_that_fails_is_set_aside_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "TRIAL_MIN_S", 0.05)
    broken = Plan(latency_s=0.01, outage_at=20, outage_s=0.3)
    well, back = run(at_servers(Plan(latency_s=0.01), broken, count=1500))
    assert well["requests"] > back["requests"]
    assert back["outcomes"]["good"] > 100  # it came back to work


def test_one_server_that_never_comes_up_costs_little() -> None:
    async def work() -> dict[str, Any]:
        async with OpenAIServer() as gone:
            away = gone.url
        async with (
            OpenAIServer(Plan(latency_s=0.005)) as server,
            opened(base_url=[away, server.url], model="test-model") as teacher,
        ):
            assert good(await ask_all(teacher, 200)) == 200
            return server.stats()

    assert run(work())["outcomes"] == {"good": 200}


def test_a_wrong_key_at_one_of_several_servers_stops_the_run() -> None:
    with pytest.raises(TeacherError, match="HTTP 401"):
        run(at_servers(Plan(), Plan(key="other")))


def refusal(kind: Any = "failed") -> Again:
    return Again(kind, "trouble")


def free(point: Endpoint, now: float) -> bool:
    return point.free_at(now, 1) <= now


def test_an_endpoint_without_room_waits_for_a_reply() -> None:
    point = Endpoint("e", concurrency=Concurrency(2))
    tickets = [point.send(0.0, 1) for _ in range(2)]
    assert point.free_at(0.0, 1) == math.inf
    point.succeeded(tickets[0], {}, 0.1, more_wanted=True)
    assert free(point, 0.1)


def test_refusals_in_a_row_are_a_pause_for_all() -> None:
    point = Endpoint("e")
    for ticket in [point.send(0.0, 1) for _ in range(REFUSALS_TO_PAUSE)]:
        point.refused(ticket, 5.0, 0.0)
    assert point.free_at(0.0, 1) == 5.0
    assert free(point, 5.0)


def test_in_a_pause_every_reply_lets_one_other_go_until_that_is_refused() -> None:
    point = Endpoint("e")
    tickets = [point.send(0.0, 1) for _ in range(REFUSALS_TO_PAUSE + 2)]
    for ticket in tickets[2:]:
        point.refused(ticket, 5.0, 0.1)
    assert not free(point, 0.2)
    point.succeeded(tickets[0], {}, 0.2, more_wanted=True)
    assert free(point, 0.2)
    exchanged = point.send(0.2, 1)
    assert not free(point, 0.2)
    point.refused(exchanged, 5.0, 0.3)
    point.succeeded(tickets[1], {}, 0.4, more_wanted=True)
    assert point.free_at(0.4, 1) == pytest.approx(5.1)


def test_a_pause_ends_with_the_first_success_of_what_was_sent_in_it() -> None:
    point = Endpoint("e")
    tickets = [point.send(0.0, 1) for _ in range(REFUSALS_TO_PAUSE + 1)]
    for ticket in tickets[1:]:
        point.refused(ticket, 5.0, 0.1)
    point.succeeded(tickets[0], {}, 0.2, more_wanted=True)
    point.succeeded(point.send(0.2, 1), {}, 0.3, more_wanted=True)
    assert free(point, 0.3)


def failing(point: Endpoint, now: float = 0.0) -> None:
    for ticket in [point.send(now, 1) for _ in range(FAILURES_TO_SET_ASIDE)]:
        point.failed(ticket, refusal(), now)


def test_single_failures_do_not_set_an_endpoint_aside() -> None:
    point = Endpoint("e")
    for _ in range(10):
        bad, well = point.send(0.0, 1), point.send(0.0, 1)
        point.failed(bad, refusal(), 0.0)
        point.succeeded(well, {}, 0.0, more_wanted=False)
    assert free(point, 0.0)
    assert point.down_since is None


def test_an_endpoint_that_is_set_aside_gets_one_trial_at_a_time() -> None:
    point = Endpoint("e")
    failing(point)
    assert point.set_aside
    assert point.free_at(0.0, 1) == TRIAL_MIN_S
    trial = point.send(TRIAL_MIN_S, 1)
    assert trial.trial
    assert not free(point, TRIAL_MIN_S)
    point.failed(trial, refusal("unreachable"), 0.3)
    assert point.set_aside
    assert point.down_since == 0.0
    again = point.send(0.6, 1)
    point.succeeded(again, {}, 0.7, more_wanted=True)
    assert not point.set_aside
    assert point.down_since is None
    assert free(point, 0.7)


def test_a_trial_that_does_not_fail_soon_lets_the_others_follow() -> None:
    point = Endpoint("e")
    failing(point)
    point.send(1.0, 1)
    assert point.free_at(1.5, 1) == 1.0 + TRIAL_S
    assert free(point, 1.0 + TRIAL_S)
    assert not point.set_aside


def test_trials_are_a_fiftieth_of_the_outage_apart() -> None:
    point = Endpoint("e")
    failing(point)
    now = 0.0
    while now < 200:
        now = point.free_at(now, 1)
        point.failed(point.send(now, 1), refusal(), now)
    assert point.free_at(now, 1) - now == pytest.approx(0.02 * now)


def test_a_cancelled_trial_makes_room_for_the_next() -> None:
    point = Endpoint("e")
    failing(point)
    trial: Ticket = point.send(1.0, 1)
    point.gave_up(trial)
    assert free(point, 1.0)
