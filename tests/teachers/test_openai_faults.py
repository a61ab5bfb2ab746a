"""Every fault plan at small size, over real HTTP: nothing lost, nothing wrong, nothing needlessly paid twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import pytest
from openai_parts import OpenAIServer, Plan, ask_all, good, opened, request, served

from synthgen.errors import TeacherError
from synthgen.requests.request import Completion, Draining
from synthgen.teachers.openai import dispatch, failures

COUNT = 150


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-offs and trials a tenth as long, so that the tests are."""
    monkeypatch.setattr(failures, "BACKOFF_S", 0.05)
    monkeypatch.setattr(failures, "BACKOFF_MAX_S", 0.2)
    monkeypatch.setattr(dispatch, "TRIAL_MIN_S", 0.02)


async def _all_good(plan: Plan, **settings: Any) -> dict[str, Any]:
    async with served(plan, **settings) as (teacher, server):
        completions = await ask_all(teacher, COUNT)
        assert good(completions) == COUNT
        return server.stats()


def test_refusals_server_errors_and_resets() -> None:
    plan = Plan(latency_s=0.02, faults=(("429", 0.05), ("500", 0.05), ("reset", 0.05)), retry_after_s=0.05)
    stats = run(_all_good(plan))
    assert set(stats["outcomes"]) == {"good", "429", "500", "reset"}
    assert stats["paid_twice"] == 0
    assert stats["requests"] == sum(stats["outcomes"].values())


def test_retry_after_is_waited_for() -> None:
    async def work() -> tuple[int, float]:
        async with served(Plan(faults=(("429", 1.0),), retry_after_s=0.3)) as (teacher, server):
            waiting = asyncio.create_task(teacher.complete(request("prompt")))
            while not server.outcomes["429"]:
                await asyncio.sleep(0.005)
            server.plan.faults = ()
            await waiting
            return server.requests, server.came_at - server.first_at

    requests, apart_s = run(work())
    assert requests == 2
    assert apart_s >= 0.3


def test_a_refusal_without_retry_after_is_tried_again() -> None:
    stats = run(_all_good(Plan(faults=(("429", 0.1),), retry_after_s=None)))
    assert stats["outcomes"]["429"] > 0


def test_requests_that_hang_are_sent_again_after_the_time_out() -> None:
    stats = run(_all_good(Plan(faults=(("hang", 0.04),)), timeout_s=0.5))
    assert stats["outcomes"]["hang"] > 0


def test_replies_that_are_malformed_or_cut_off_are_asked_for_again() -> None:
    stats = run(_all_good(Plan(faults=(("malformed", 0.05), ("cut", 0.05)))))
    assert stats["outcomes"]["malformed"] > 0
    assert stats["outcomes"]["cut"] > 0


def test_content_that_is_empty_null_or_too_long_is_passed_on_as_it_is() -> None:
    async def work() -> tuple[list[Completion], dict[str, Any]]:
        async with served(Plan(faults=(("empty", 0.1), ("null", 0.1), ("length", 0.1)))) as (teacher, server):
            return await ask_all(teacher, COUNT), server.stats()

    completions, stats = run(work())
    assert stats["requests"] == COUNT
    texts = [c.choices[0].text for c in completions]
    assert texts.count("") == stats["outcomes"]["empty"] > 0
    assert texts.count(None) == stats["outcomes"]["null"] > 0
    assert [c.finish_reason for c in completions].count("length") == stats["outcomes"]["length"] > 0


@pytest.mark.parametrize("at", [1, 60])
def test_a_server_that_is_away_for_a_while(at: int) -> None:
    stats = run(_all_good(Plan(latency_s=0.02, outage_at=at, outage_s=0.4)))
    assert stats["paid_twice"] <= 50  # those whose link was cut while the server worked on them


def test_a_server_that_takes_few_at_once_gets_few_at_once() -> None:
    async def work() -> dict[str, Any]:
        async with served(Plan(latency_s=0.02, slots=10, retry_after_s=0.05)) as (teacher, server):
            assert good(await ask_all(teacher, 400)) == 400
            return server.stats()

    stats = run(work())
    assert stats["outcomes"]["limit"] < 250


@pytest.mark.parametrize("tell", [False, True])
@pytest.mark.parametrize("limit", [{"rpm": 60}, {"tpm": 6000}])
def test_limits_per_minute_of_the_server(limit: dict[str, int], tell: bool) -> None:
    stats = run(_all_good(Plan(minute_s=0.3, tell_limits=tell, **limit)))
    assert stats["outcomes"].get("limit", 0) < 2 * COUNT


def test_limits_per_minute_of_the_user_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgen.teachers.openai import limits

    monkeypatch.setattr(limits, "WINDOW_S", 0.8)
    stats = run(_all_good(Plan(rpm=100, minute_s=0.3), rpm=100))
    assert stats["outcomes"] == {"good": COUNT}


def test_random_refusals_do_not_lead_to_one_at_a_time() -> None:
    async def work() -> int:
        async with served(Plan(latency_s=0.02, faults=(("429", 0.1),), retry_after_s=0.02)) as (teacher, server):
            await ask_all(teacher, 400, at_once=60)
            server.peak = 0
            await ask_all(teacher, 400, at_once=60)
            return server.peak

    assert run(work()) >= 45


def test_max_concurrency_is_never_exceeded() -> None:
    async def work() -> int:
        async with served(Plan(latency_s=0.01), max_concurrency=7) as (teacher, server):
            await ask_all(teacher, 60)
            return server.peak

    assert run(work()) == 7


def test_a_request_that_always_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> list[Completion]:
        async with served(Plan(latency_s=0.005)) as (teacher, server):
            draw = server.plan.draw

            def poisoned(prompt: str, attempt: int) -> str:
                return "500" if prompt == next(iter(server.tries)) else draw(prompt, attempt)

            server.plan.draw = poisoned  # type: ignore[method-assign]
            return await ask_all(teacher, 400, at_once=4)

    completions = run(work())
    finishes = [c.finish_reason for c in completions]
    assert finishes.count("server_error") == 1
    assert finishes.count("stop") == 399
    assert completions[finishes.index("server_error")].choices[0].text is None
    assert "while others are not" in caplog.text


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "NEVER_ANSWERED_S", 0.3)

    async def work() -> None:
        async with OpenAIServer() as server:
            url = server.url
        async with opened(base_url=url, model="test-model") as teacher:
            await asyncio.wait_for(ask_all(teacher, 20), 60)

    with pytest.raises(TeacherError, match=r"no usable reply from http://127\.0\.0\.1:\d+/v1 for") as caught:
        run(work())
    assert os.strerror(111) in caught.value.message
    assert "is the server running" in str(caught.value.hint)


def test_a_server_that_stays_away_is_given_up_after_the_time_set() -> None:
    async def work() -> None:
        async with served(Plan(latency_s=0.01), give_up_after_s=0.4) as (teacher, server):
            assert good(await ask_all(teacher, 20)) == 20
            server.plan.faults = (("503", 1.0),)
            await asyncio.wait_for(ask_all(teacher, 20), 60)

    with pytest.raises(TeacherError, match="HTTP 503"):
        run(work())


def test_draining_sends_nothing_more_and_lets_come_in_what_was_sent() -> None:
    async def work() -> tuple[list[Any], dict[str, Any]]:
        async with served(Plan(latency_s=0.5), max_concurrency=5) as (teacher, server):
            asked = [asyncio.create_task(teacher.complete(request(f"prompt {n}."))) for n in range(20)]
            while server.in_flight < 5:
                await asyncio.sleep(0.005)
            teacher.drain()
            replies = await asyncio.gather(*asked, return_exceptions=True)
            with pytest.raises(Draining):
                await teacher.complete(request("late"))
            return replies, server.stats()

    replies, stats = run(work())
    assert sum(isinstance(r, Completion) for r in replies) == 5
    assert sum(isinstance(r, Draining) for r in replies) == 15
    assert stats["requests"] == 5


def test_a_cancelled_request_gives_its_place_back() -> None:
    async def work() -> None:
        async with served(Plan(latency_s=0.3), max_concurrency=2) as (teacher, server):
            asked = [asyncio.create_task(teacher.complete(request(f"prompt {n}."))) for n in range(6)]
            while server.in_flight < 2:
                await asyncio.sleep(0.005)
            for task in asked[::2]:
                task.cancel()
            replies = await asyncio.gather(*asked, return_exceptions=True)
            assert [isinstance(r, Completion) for r in replies] == [False, True] * 3
            assert good(await ask_all(teacher, 10)) == 10

    run(asyncio.wait_for(work(), 60))
