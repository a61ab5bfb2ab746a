"""What leaves for a real server is what the budget allows, whatever the server does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from openai_parts import OpenAIServer, Plan, opened, request

from synthgen.engine.asking import Asker
from synthgen.engine.budget import Budget
from synthgen.journal.journal import Journal
from synthgen.requests.request import Completion, Draining
from synthgen.teachers.openai import OpenAI, batch, failures


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "BACKOFF_S", 0.001)
    monkeypatch.setattr(failures, "SHORTEST_WAIT_S", 0.001)
    monkeypatch.setattr(batch, "LINGER_S", 0.05)
    monkeypatch.setattr(batch, "POLL_S", 0.02)


async def buy(folder: Path, teacher: OpenAI, budget: Budget, number: int = 40) -> tuple[Asker, list[str]]:
    reached: list[str] = []
    with Journal(folder / "j") as journal:
        asker: Asker

        def stop() -> None:
            reached.append("x")
            asker.drain()

        asker = Asker({"teacher": teacher}, journal, concurrency=8, budget=budget, on_budget=stop)
        ended = await asyncio.gather(
            *(asker.ask("teacher", request(f"prompt {n}.")) for n in range(number)), return_exceptions=True
        )
        assert all(isinstance(one, (Completion, Draining)) for one in ended), ended
        await asker.drained()
    return asker, reached


@pytest.mark.parametrize("kind", ["429", "500", "503", "reset", "malformed", "cut"])
@pytest.mark.parametrize("several", [False, True])
def test_every_try_is_a_request_of_the_budget(tmp_path: Path, kind: str, several: bool) -> None:
    async def work() -> None:
        async with OpenAIServer(Plan(faults=((kind, 0.5),), retry_after_s=0.001)) as server:
            for session in range(2 if several else 1):  # what an earlier session has spent is known
                async with opened(base_url=server.url, model="test-model", give_up_after_s=20) as teacher:
                    asker, reached = await buy(tmp_path, teacher, Budget(requests=12 + 6 * session))
                assert reached[:1] == ["x"]
                assert server.requests == 12 + 6 * session
                assert asker.spending.requests + asker.spending.lost.requests == server.requests

    asyncio.run(asyncio.wait_for(work(), 60))


def test_replies_that_are_cut_on_the_way_count_with_what_they_can_have_cost(tmp_path: Path) -> None:
    async def work(share: float, folder: Path) -> int:
        folder.mkdir()
        async with (
            OpenAIServer(Plan(faults=(("cut", share),))) as server,
            opened(base_url=server.url, model="test-model") as teacher,
        ):
            asker, reached = await buy(folder, teacher, Budget(tokens=3000), 200)
            assert reached[:1] == ["x"]
            assert asker.spending.tokens + asker.spending.lost.tokens <= 3000
            assert (asker.spending.lost.tokens > 0) == (share > 0)
            return sum(server.outcomes.values())

    whole = asyncio.run(work(0.0, tmp_path / "whole"))
    assert asyncio.run(work(0.5, tmp_path / "cut")) <= whole


def test_refused_requests_cost_no_tokens(tmp_path: Path) -> None:
    async def work() -> None:
        async with (
            OpenAIServer(Plan(faults=(("429", 0.4),), retry_after_s=0.001)) as server,
            opened(base_url=server.url, model="test-model") as teacher,
        ):
            asker, reached = await buy(tmp_path, teacher, Budget(tokens=10**6), 40)
            assert (reached, asker.spending.requests, asker.spending.lost.tokens) == ([], 40, 0)
            assert asker.spending.lost.requests == server.requests - 40

    asyncio.run(asyncio.wait_for(work(), 60))


def test_a_server_that_nobody_has_started_costs_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with OpenAIServer() as server:
            url = server.url
        teacher = OpenAI(base_url=url, model="test-model", give_up_after_s=0.3)
        await teacher.open()
        with Journal(tmp_path / "j") as journal:
            asker = Asker({"teacher": teacher}, journal, concurrency=4, budget=Budget(requests=5))
            ended: list[Any] = await asyncio.gather(
                *(asker.ask("teacher", request(str(n))) for n in range(4)), return_exceptions=True
            )
            assert not any(isinstance(one, Completion) for one in ended)
            await asker.drained()
            assert asker.spending.lost.requests == 0
        await teacher.close()
        with Journal(tmp_path / "j") as journal:
            assert journal.tries().failed[0] == 0
            assert journal.tries().open == {}

    asyncio.run(asyncio.wait_for(work(), 60))


def test_requests_in_batches_are_counted_over_all_their_batches(tmp_path: Path) -> None:
    async def work() -> None:
        async with (
            OpenAIServer(Plan(faults=(("500", 0.5),))) as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            asker, reached = await buy(tmp_path, teacher, Budget(requests=12))
            lines = sum(b.total for b in server.batches.batches.values())
            assert (reached[:1], lines) == (["x"], 12)
            assert asker.spending.requests + asker.spending.lost.requests == 12

    asyncio.run(asyncio.wait_for(work(), 60))


def test_a_batch_that_outlives_its_session_is_paid_once_by_the_budget(tmp_path: Path) -> None:
    async def work() -> None:
        async with OpenAIServer() as server:
            server.batches.duration_s = 0.3
            for session in range(2):
                teacher = OpenAI(base_url=server.url, model="test-model", batch=True)
                teacher.keep_in(tmp_path, "teacher")
                await teacher.open()
                with Journal(tmp_path / "j") as journal:
                    asker = Asker({"teacher": teacher}, journal, concurrency=8, budget=Budget(requests=6))
                    asked = [asyncio.create_task(asker.ask("teacher", request(f"p{n}"))) for n in range(6)]
                    while not server.batches.batches:
                        await asyncio.sleep(0.01)
                    if session == 0:
                        await asyncio.sleep(0.05)
                        await asker.abort()  # as far as the journal knows, a kill
                    await asyncio.gather(*asked, return_exceptions=True)
                    spent, lost = asker.spending.requests, asker.spending.lost.requests
                await teacher.close()
                assert (spent, lost) == ((0, 6) if session == 0 else (6, 0))
            assert [b.total for b in server.batches.batches.values()] == [6]

    asyncio.run(asyncio.wait_for(work(), 60))
