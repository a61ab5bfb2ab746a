"""The batch API: nothing lost and nothing paid twice, whatever becomes of a batch or of us."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from openai_parts import OpenAIServer, Plan, ask_all, good, opened, request
from pydantic import ValidationError
from wire import Outgoing

from synthgen.engine.budget import usd_of
from synthgen.errors import StoreError, TeacherError
from synthgen.requests.request import Completion, Draining, Usage
from synthgen.teachers.openai import OpenAI, batch, batch_api
from synthgen.teachers.openai.batch_state import BatchState

COUNT = 60


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 30))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "LINGER_S", 0.05)
    monkeypatch.setattr(batch, "POLL_S", 0.02)


async def opened_in(folder: Path, server: OpenAIServer, **settings: Any) -> OpenAI:
    teacher = OpenAI(**{"base_url": server.url, "model": "test-model", "batch": True, **settings})
    teacher.keep_in(folder, "teacher")
    await teacher.open()
    return teacher


def batches_of(server: OpenAIServer) -> list[tuple[str, int]]:
    return [(b.status, b.total) for b in server.batches.batches.values()]


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


def test_the_state_is_a_file_that_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    state = BatchState(path)
    state.uploaded("f1", ["a", "b"])
    state.created("f1", "b1")
    state.uploaded("f2", ["c"])
    state.gone("f2")
    with path.open("a") as file:
        file.write('{"uploaded": "f3", "ke')
    state = BatchState(path)
    assert [(s.file_id, s.batch_id, s.keys) for s in state.sent] == [("f1", "b1", {"a", "b"})]
    state.uploaded("f4", ["d"])
    assert [s.file_id for s in BatchState(path).sent] == ["f1", "f4"]
    assert BatchState(None).uploaded("f", ["a"]).keys == {"a"}


def test_a_state_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        BatchState(tmp_path / "no" / "such" / "folder.jsonl").uploaded("f", [])
    (tmp_path / "folder").mkdir()
    assert BatchState(tmp_path / "folder").sent == []


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


def of_file(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r"])
def test_a_line_ends_at_a_line_feed_alone(end: str) -> None:
    async def answer(body: dict[str, Any]) -> tuple[str, str]:
        return f"one{end}two", "stop"

    async def work() -> None:
        async with (
            OpenAIServer(answer=answer) as server,
            opened(base_url=server.url, model="test-model", batch=True) as teacher,
        ):
            assert [c.text for c in await ask_all(teacher, 5)] == [f"one{end}two"] * 5
            assert batches_of(server) == [("completed", 5)]

    run(work())


def test_files_that_come_late_are_waited_for() -> None:
    async def work() -> None:
        async with OpenAIServer() as server, opened(base_url=server.url, model="test-model", batch=True) as teacher:
            server.batches.late = batch.LOOKS - 1
            assert good(await ask_all(teacher, 5)) == 5
            assert batches_of(server) == [("completed", 5)]

    run(work())


@pytest.mark.parametrize("change", [lambda lines: b"", lambda lines: b"\n\n", lambda lines: b"<html>\xff</html>"])
def test_a_batch_that_is_completed_without_a_reply_ends_the_run_and_is_sent_once(
    tmp_path: Path, change: Callable[[list[bytes]], bytes]
) -> None:
    async def work() -> None:
        async with OpenAIServer() as server:
            server.batches.change = change
            teacher = await opened_in(tmp_path, server)
            with pytest.raises(TeacherError, match="without a reply to any of its 3 requests"):
                await ask_all(teacher, 3)
            await teacher.close()
            assert batches_of(server) == [("completed", 3)]
            server.batches.change = b"\n".join  # the same command sends them again
            teacher = await opened_in(tmp_path, server)
            assert good(await ask_all(teacher, 3)) == 3
            await teacher.close()

    run(work())


def test_batches_that_reach_nothing_again_and_again_end_the_run() -> None:
    async def work() -> None:
        async with OpenAIServer() as server, opened(base_url=server.url, model="test-model", batch=True) as teacher:
            server.batches.ends = ["unreached"] * 20
            with pytest.raises(TeacherError, match=r"has ended \(expired\) without a reply"):
                await ask_all(teacher, 3)
            assert len(batches_of(server)) == batch.BARREN

    run(work())


def spoiled(lines: list[bytes]) -> bytes:
    """Lines of every wrong kind around those of the batch; those of two requests are missing."""
    rows = of_file(lines)
    strange: list[Any] = [
        {**rows[2], "custom_id": "of another batch"},
        {**rows[2], "custom_id": ["x"]},
        {"custom_id": rows[3]["custom_id"], "response": "text"},
        {**rows[4], "response": {**rows[4]["response"], "body": {"choices": []}}},
        {**rows[5], "response": {"status_code": "200", "body": rows[5]["response"]["body"]}},
        [],
        "text",
        None,
    ]
    deep = b'{"custom_id": ' + b"[" * 100_000
    more = [json.dumps(row).encode() for row in strange]
    doubled = json.dumps({**rows[6], "response": rows[7]["response"]}).encode()
    return b"\n".join([b"{", b"\xff\xfe", deep, *more, *lines[6:], doubled])


def test_lines_that_are_none_do_not_harm_the_others() -> None:
    async def work() -> None:
        async with OpenAIServer() as server, opened(base_url=server.url, model="test-model", batch=True) as teacher:
            changes = iter([spoiled])
            server.batches.change = lambda lines: next(changes, b"\n".join)(lines)
            asked = [asyncio.create_task(teacher.complete(request(f"prompt {n}."))) for n in range(20)]
            replies = await asyncio.gather(*asked)
            assert [f"'prompt {n}.'" in reply.text for n, reply in enumerate(replies)] == [True] * 20
            assert [total for _, total in batches_of(server)] == [20, 5]

    run(work())


def with_much_at_its_end(line: bytes) -> bytes:
    return line[:-1] + b" " * 100_000 + b"}"


def with_much_at_its_beginning(line: bytes) -> bytes:
    return b'{"more": "' + b"x" * 100_000 + b'", ' + line[1:]


@pytest.mark.parametrize("lengthened", [with_much_at_its_end, with_much_at_its_beginning])
def test_a_request_whose_line_is_too_long_is_sent_again(lengthened: Callable[[bytes], bytes]) -> None:
    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True, max_reply_mb=0.05) as teacher,
        ):
            changes = iter([lambda lines: b"\n".join([lengthened(lines[0]), *lines[1:]])])
            server.batches.change = lambda lines: next(changes, b"\n".join)(lines)
            assert good(await ask_all(teacher, 5)) == 5
            assert [total for _, total in batches_of(server)] == [5, 1]

    run(work())


def test_a_request_whose_line_is_always_too_long_ends_with_the_reason() -> None:
    def lengthened(lines: list[bytes]) -> bytes:
        return b"\n".join(with_much_at_its_end(line) if b"'prompt 3.'" in line else line for line in lines)

    async def work() -> list[Completion]:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True, max_reply_mb=0.05) as teacher,
        ):
            server.batches.change = lengthened
            replies = await ask_all(teacher, 5)
            assert [total for _, total in batches_of(server)] == [5, *[1] * (batch.TRIES - 1)]
            return replies

    ended = [reply.choices[0] for reply in run(work()) if reply.finish_reason == "server_error"]
    assert [choice.refusal for choice in ended] == ["its reply is larger than 0.05 MB, which max_reply_mb allows"]


@pytest.mark.parametrize("stalls", [False, True])
def test_a_file_that_breaks_off_is_read_again_and_gives_each_reply_once(
    stalls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_api, "wait_random_exponential", lambda *_: lambda state: 0.01)
    monkeypatch.setattr(batch, "LINGER_S", 0.6)  # the file is read again before the next batch is sent
    refused: list[str] = []

    def refuse_once(lines: list[bytes]) -> bytes:
        row = of_file(lines)[0]
        if not refused:
            refused.append(row["custom_id"])
            lines[0] = json.dumps({"custom_id": row["custom_id"], "error": {"message": "the model broke"}}).encode()
        return b"\n".join(lines)

    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True, timeout_s=0.3) as teacher,
        ):
            server.batches.change = refuse_once
            handle, cut = server.batches.handle, list[Outgoing]()

            async def breaking_off(path: str, incoming: Any) -> Outgoing | None:
                outgoing = await handle(path, incoming)
                if path.endswith("/content") and outgoing is not None and not cut:
                    outgoing.cut, outgoing.stalls = len(outgoing.data()) // 2, stalls
                    cut.append(outgoing)
                return outgoing

            server.batches.handle = breaking_off  # type: ignore[method-assign]
            assert good(await ask_all(teacher, 5)) == 5
            assert [total for _, total in batches_of(server)] == [5, 1]

    run(work())


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/files", 200, "which max_reply_mb allows"),
        ("/v1/batches", 200, "which max_reply_mb allows"),
        ("/v1/batches/", 200, "which max_reply_mb allows"),
        ("/v1/batches", 400, "the form is wrong"),
        ("/content", 400, "the form is wrong"),
    ],
)
def test_an_answer_without_end_about_files_and_batches_is_not_read_to_its_end(
    path: str, status: int, said: str
) -> None:
    answer = Outgoing(raw=b"the form is wrong" + b" " * 1000, status=status, endless=b" " * 1000)

    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True, max_reply_mb=0.1) as teacher,
        ):
            handle = server.batches.handle

            async def strange(asked: str, incoming: Any) -> Outgoing | None:
                meant = asked == path or (path == "/content" and asked.endswith(path))
                if meant or (path.endswith("/") and asked.startswith(path)):
                    return answer
                return await handle(asked, incoming)

            server.batches.handle = strange  # type: ignore[method-assign]
            with pytest.raises(TeacherError, match=said):
                await ask_all(teacher, 3)

    run(work())
    assert answer.sent < 50_000_000


@pytest.mark.parametrize("endless", [b"\n" + b" " * 1000, b" " * 1000, b'\n{"custom_id": "of another batch"}'])
def test_a_file_without_end_is_not_read_to_its_end(endless: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> int:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url, model="test-model", batch=True, max_reply_mb=0.1) as teacher,
        ):
            handle, files = server.batches.handle, list[Outgoing]()

            async def strange(path: str, incoming: Any) -> Outgoing | None:
                outgoing = await handle(path, incoming)
                if path.endswith("/content") and outgoing is not None and not files:
                    outgoing.raw, outgoing.endless = b"\n".join(outgoing.data().split(b"\n")[:3]), endless
                    files.append(outgoing)
                return outgoing

            server.batches.handle = strange  # type: ignore[method-assign]
            assert good(await ask_all(teacher, 5)) == 5
            assert [total for _, total in batches_of(server)] == [5, 2 + (endless[:1] == b" ")]
            return files[0].sent

    assert run(work()) < 50_000_000
    assert "is larger than its replies can be: the rest is not read" in caplog.text


def test_a_request_whose_line_is_always_an_error_ends_after_a_few_batches() -> None:
    def refuse(lines: list[bytes]) -> bytes:
        row = of_file(lines)[0]
        error = {"code": "model_error", "message": "the model broke"}
        bad = json.dumps({"custom_id": row["custom_id"], "response": None, "error": error}).encode()
        return b"\n".join([bad, *lines[1:]])

    async def work() -> None:
        async with OpenAIServer() as server, opened(base_url=server.url, model="test-model", batch=True) as teacher:
            server.batches.change = refuse
            finishes = sorted(str(c.finish_reason) for c in await ask_all(teacher, 4))
            assert finishes == ["server_error", "stop", "stop", "stop"]
            assert [total for _, total in batches_of(server)] == [4, *[1] * (batch.TRIES - 1)]

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


@pytest.mark.parametrize(
    ("path", "outgoing"),
    [
        ("/v1/batches", Outgoing({"id": 7, "status": ["completed"]})),
        ("/v1/batches", Outgoing(raw=b"<html>")),
        ("/v1/files", Outgoing([1])),
        ("/v1/files", Outgoing({"error": {"message": "no page"}}, 404)),
    ],
)
def test_no_task_of_ours_dies_alone(path: str, outgoing: Outgoing) -> None:
    async def work() -> None:
        async with OpenAIServer() as server, opened(base_url=server.url, model="test-model", batch=True) as teacher:
            handle = server.batches.handle

            async def strange(asked: str, incoming: Any) -> Outgoing | None:
                return outgoing if asked == path else await handle(asked, incoming)

            server.batches.handle = strange  # type: ignore[method-assign]
            with pytest.raises(TeacherError, match=r"batch|files"):
                await ask_all(teacher, 3)
            with pytest.raises(TeacherError):
                await teacher.complete(request("late"))

    run(work())


@pytest.mark.parametrize("login", ["anna:pass-7f3", "${WHO}:${PASS}"])
def test_the_login_in_a_url_is_sent_with_files_and_batches_as_with_requests(
    login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHO", "anna")
    monkeypatch.setenv("PASS", "pass-7f3")

    async def work() -> set[str]:
        async with OpenAIServer() as server:
            handle, seen = server.batches.handle, list[str]()

            async def looking(path: str, incoming: Any) -> Outgoing | None:
                seen.append(incoming.headers.get("authorization", ""))
                return await handle(path, incoming)

            server.batches.handle = looking  # type: ignore[method-assign]
            url = server.url.replace("http://", f"http://{login}@")
            async with opened(base_url=url, model="test-model", batch=True) as teacher:
                assert good(await ask_all(teacher, 3)) == 3
            return set(seen)

    assert run(work()) == {"Basic " + b64encode(b"anna:pass-7f3").decode()}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("batched", [False, True])
def test_no_redirect_is_followed(status: int, batched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-redirect-1")

    async def work() -> None:
        async with OpenAIServer() as other, OpenAIServer() as server:
            other.keep_bodies = True
            seen: list[str] = []

            async def move(incoming: Any) -> Outgoing:
                seen.append(incoming.path)
                return Outgoing({}, status, headers={"Location": other.url + incoming.path.removeprefix("/v1")})

            server.listener._handler = move
            async with opened(base_url=server.url, model="m", batch=batched, give_up_after_s=2) as teacher:
                with pytest.raises(TeacherError, match=f"HTTP {status}"):
                    await teacher.complete(request("my prompt"))
            assert seen
            assert (other.requests, other.headers, other.batches.files) == (0, [], {})

    run(work())


@pytest.mark.parametrize(
    "text",
    ["[]", "7", '{"uploaded": 3}', '{"uploaded": "f", "keys": [3]}', '{"created": "b", "file": "f"}', '{"gone": []}'],
)
def test_other_json_in_the_state_is_said_before_anything_is_paid_for(tmp_path: Path, text: str) -> None:
    path = tmp_path / "batches.jsonl"
    path.write_text(f'{{"uploaded": "f1", "keys": ["a"]}}\n{text}\n')
    with pytest.raises(StoreError, match="line 2 tells of no batch"):
        BatchState(path)


def test_lines_of_the_state_that_a_kill_has_spoiled_are_no_steps(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    path.write_bytes(b"\xff\xfe\n" + b"[" * 10**5 + b'\n{"uploaded": "f1", "keys": ["a"]}\n')
    assert [(s.file_id, s.keys) for s in BatchState(path).sent] == [("f1", {"a"})]
