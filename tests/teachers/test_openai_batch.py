"""The batch API: nothing lost and nothing paid twice, whatever becomes of a batch or of us."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from batch_parts import batches_of, be_impatient, opened_in, run
from openai_parts import OpenAIServer, Plan, ask_all, good, opened, request
from pydantic import ValidationError

from synthgen.engine.budget import usd_of
from synthgen.errors import TeacherError
from synthgen.requests.request import Completion, Draining, Usage
from synthgen.teachers.openai import OpenAI, batch, batch_api

COUNT = 60


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


def test_requests_that_come_together_go_together() -> None:
    async def work() -> None:
        async with OpenAIServer() as server:
            async with opened(base_url=server.url, model="test-model", batch=True) as teacher:
                assert good(await ask_all(teacher, COUNT, at_once=COUNT)) == COUNT
            assert batches_of(server) == [("completed", COUNT)]
            assert server.stats()["paid_twice"] == 0

    run(work())


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
def test_every_api(api: Any) -> None:
    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            asked = [request(f"prompt {number}.", api=api) for number in range(3)]
            assert good(await asyncio.gather(*map(teacher.complete, asked))) == 3

    run(work())


def test_requests_to_two_apis_go_into_two_batches() -> None:
    async def work() -> list[tuple[str, int]]:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            asked = [request(f"p{n}", api="completions" if n % 3 == 0 else "chat") for n in range(9)]
            replies = await asyncio.gather(*(teacher.complete(one) for one in asked))
            assert [f"'p{n}'" in c.text for n, c in enumerate(replies)] == [True] * 9
            return batches_of(server)

    assert sorted(run(work())) == [("completed", 3), ("completed", 6)]


def test_a_batch_is_no_larger_than_the_provider_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_REQUESTS", 25)

    async def work() -> list[tuple[str, int]]:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            assert good(await ask_all(teacher, COUNT, at_once=COUNT)) == COUNT
            return batches_of(server)

    assert run(work()) == [("completed", 25), ("completed", 25), ("completed", 10)]


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_what_a_batch_did_not_reach_goes_into_the_next(end: str) -> None:
    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            server.batches.ends = [end, end]
            assert good(await ask_all(teacher, COUNT, at_once=COUNT)) == COUNT
            assert batches_of(server) == [(end, 60), (end, 30), ("completed", 15)]
            assert server.stats()["paid_twice"] == 0

    run(work())


def test_lines_that_fail_are_sent_again_and_hopeless_ones_end() -> None:
    async def work() -> None:
        async with (
            OpenAIServer(Plan(faults=(("500", 0.2),))) as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            assert good(await ask_all(teacher, COUNT, at_once=COUNT)) == COUNT
            assert len(batches_of(server)) > 1
            server.plan.faults = (("500", 1.0),)
            completion = await teacher.complete(request("never"))
            assert completion.finish_reason == "server_error"

    run(work())


def test_a_prompt_beyond_the_context_is_a_completion_and_a_wrong_model_an_error() -> None:
    async def work() -> None:
        async with (
            OpenAIServer(Plan(context=50)) as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            assert (await teacher.complete(request("x" * 80))).finish_reason == "context_length"
            server.plan.models = ("other",)
            with pytest.raises(TeacherError, match="no model 'test-model'"):
                await teacher.complete(request("x"))
            with pytest.raises(TeacherError, match="no model"):
                await teacher.complete(request("late"))

    run(work())


def test_a_batch_that_fails_stops_the_run_with_its_reason() -> None:
    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            server.batches.ends = ["failed"]
            replies = await asyncio.gather(
                *(teacher.complete(request(f"p{n}")) for n in range(3)), return_exceptions=True
            )
            assert all(isinstance(r, TeacherError) and "line 1 is not JSON" in r.message for r in replies)

    run(work())


def test_a_wrong_key_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-batch-1")

    async def work() -> None:
        async with (
            OpenAIServer(Plan(key="right")) as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            with pytest.raises(TeacherError, match="HTTP 401") as caught:
                await teacher.complete(request("x"))
            assert "sk-planted" not in str(caught.value)

    run(work())


def test_a_run_that_is_stopped_finds_its_batch_again(tmp_path: Path) -> None:
    async def work() -> None:
        async with OpenAIServer() as server:
            server.batches.duration_s = 0.3
            teacher = await opened_in(tmp_path, server)
            asked = [asyncio.create_task(teacher.complete(request(f"prompt {n}."))) for n in range(COUNT)]
            while not server.batches.batches:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            for task in asked:  # as a kill would
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            await teacher.close()
            teacher = await opened_in(tmp_path, server)
            assert good(await ask_all(teacher, COUNT + 5, at_once=100)) == COUNT + 5
            await teacher.close()
            assert batches_of(server) == [("completed", COUNT), ("completed", 5)]
            assert server.stats()["paid_twice"] == 0

    run(work())


@pytest.mark.parametrize("created", [True, False])
def test_a_kill_between_upload_and_creation(tmp_path: Path, created: bool) -> None:
    async def work() -> None:
        async with OpenAIServer() as server:
            teacher = await opened_in(tmp_path, server)
            await ask_all(teacher, COUNT, at_once=COUNT)
            await teacher.close()
            state = tmp_path / "batches-teacher.jsonl"
            first, second = state.read_text().splitlines()
            state.write_text(f"{first}\n{second[:10]}")  # cut off
            if not created:
                server.batches.batches.clear()
                server.good.clear()
            teacher = await opened_in(tmp_path, server)
            assert good(await ask_all(teacher, COUNT, at_once=COUNT)) == COUNT
            await teacher.close()
            assert batches_of(server) == [("completed", COUNT)]
            assert server.stats()["paid_twice"] == 0
            assert state.read_text().splitlines()[-1].startswith('{"created"')

    run(work())


def test_creating_is_tried_again_and_a_batch_that_is_gone_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batch_api, "wait_random_exponential", lambda *_: lambda state: 0.01)
    caplog.set_level(logging.WARNING)

    async def work() -> None:
        async with OpenAIServer() as server:
            server.batches.fail_creating = 2
            teacher = await opened_in(tmp_path, server)
            assert good(await ask_all(teacher, 3)) == 3
            await teacher.close()
            server.batches.batches.clear()
            server.batches.files.clear()
            teacher = await opened_in(tmp_path, server)
            assert good(await ask_all(teacher, 3)) == 3
            await teacher.close()

    run(work())
    assert "no more" in caplog.text


def test_draining_ends_the_waiting_and_leaves_the_batch_to_the_next_run(tmp_path: Path) -> None:
    async def work() -> None:
        async with OpenAIServer() as server:
            server.batches.duration_s = 0.3
            teacher = await opened_in(tmp_path, server)
            asked = [asyncio.create_task(teacher.complete(request(f"prompt {n}."))) for n in range(3)]
            while not server.batches.batches:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            teacher.drain()
            replies = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(r, Draining) for r in replies)
            await teacher.close()
            teacher = await opened_in(tmp_path, server)
            assert good(await ask_all(teacher, 3)) == 3
            await teacher.close()
            assert len(server.batches.batches) == 1

    run(work())


def test_a_request_that_is_asked_twice_at_once_is_sent_once() -> None:
    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            replies = await asyncio.gather(teacher.complete(request("x")), teacher.complete(request("x")))
            assert all(isinstance(r, Completion) and "'x'" in r.text for r in replies)
            assert batches_of(server) == [("completed", 1)]

    run(work())


def test_a_batch_costs_half() -> None:
    price = {"input": 2.0, "output": 8.0}
    live, batched = (OpenAI(model="m", price=price, batch=b) for b in (False, True))
    assert usd_of(batched, Usage(1000, 1000)) == usd_of(live, Usage(1000, 1000)) / 2


@pytest.mark.parametrize(
    "settings", [{"base_url": ["http://a/v1", "http://b/v1"]}, {"azure_api_version": "2025-01-01"}]
)
def test_what_batches_cannot_do(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="one base_url"):
        OpenAI(model="m", batch=True, **settings)


def test_batches_that_reach_nothing_again_and_again_end_the_run() -> None:
    async def work() -> None:
        async with OpenAIServer() as server, opened(base_url=server.url, model="test-model", batch=True) as teacher:
            server.batches.ends = ["unreached"] * 20
            with pytest.raises(TeacherError, match=r"has ended \(expired\) without a reply"):
                await ask_all(teacher, 3)
            assert len(batches_of(server)) == batch.BARREN

    run(work())


def test_a_batch_that_never_ends_is_told_of_and_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batch, "WINDOW_S", 0.3)
    monkeypatch.setattr(batch, "TOLD_EVERY_S", 0.1)

    async def work() -> None:
        async with OpenAIServer() as server, opened(base_url=server.url, model="test-model", batch=True) as teacher:
            server.batches.ends = ["stuck"]
            with pytest.raises(TeacherError, match="has not ended in 0 hours"):
                await ask_all(teacher, 3)

    run(work())
    assert "waiting for" in caplog.text
