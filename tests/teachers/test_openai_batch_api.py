"""A provider's files and batches: what stands in them, how much of them is read, and what is sent to get them."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_parts import batches_of, be_impatient, of_file, opened_in, run
from openai_parts import OpenAIServer, ask_all, good, opened, request
from wire import Outgoing

from synthgen.errors import TeacherError
from synthgen.requests.request import Completion
from synthgen.teachers.openai import batch, batch_api


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


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
        ("/v1/batches", 302, "HTTP 302: it sends on"),
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
