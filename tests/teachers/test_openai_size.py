"""No more of a reply is read than `max_reply_mb`, whatever the server sends and however it is packed."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from synthgen.forms.reply_problems import choices_of, why_unusable
from synthgen.requests.request import Completion, Request
from synthgen.teachers.openai import OpenAI, failures
from synthgen.teachers.openai.problems import Again
from synthgen.teachers.openai.transport import Transport

GOOD = json.dumps({"choices": [{"message": {"content": "Lima."}, "finish_reason": "stop"}]}).encode()
LARGE = 30_000_000
SENT = web.AppKey("sent", list[int])
Reply = Callable[[web.Request], Any]


def packed(encoding: str, data: bytes) -> Reply:
    return lambda request: web.Response(body=data, headers={"Content-Encoding": encoding})


async def endless(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse()
    reply.enable_chunked_encoding()
    await reply.prepare(request)
    try:
        while True:
            await reply.write(b'{"choices": [' + b" " * 100_000)
            request.app[SENT][0] += 100_000
    except ConnectionError:
        return reply


BOMB = b" " * LARGE + GOOD
REPLIES: dict[str, Reply] = {
    "endless": endless,
    "large": lambda request: web.Response(body=BOMB),
    "gzip": packed("gzip", gzip.compress(BOMB)),
    "deflate": packed("deflate", zlib.compress(BOMB)),
    "many members": packed("gzip", gzip.compress(b" " * 1_000_000) * 30 + gzip.compress(GOOD)),
}


@asynccontextmanager
async def server(reply: Reply, status: int = 200) -> AsyncIterator[tuple[str, web.Application]]:
    """A server whose replies to requests that hold `bad` are this one; the others are good."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if b"bad" not in await request.read() and request.method == "POST":
            return web.Response(body=GOOD)
        answer = reply(request)
        whole: web.StreamResponse = await answer if asyncio.iscoroutine(answer) else answer
        if status != 200:
            whole.set_status(status)
        return whole

    app = web.Application()
    app[SENT] = [0]
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", app
    finally:
        await runner.cleanup()


def asked(text: str) -> Request:
    return Request("m", ({"role": "user", "content": text},))


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_that_is_too_large_is_not_read_to_its_end(name: str) -> None:
    async def work() -> int:
        async with server(REPLIES[name]) as (url, app):
            import yarl

            transport = Transport(10, 1_000_000)
            with pytest.raises(Again, match=r"larger than 1 MB, which max_reply_mb allows"):
                await transport.send("POST", yarl.URL(url), {}, b"bad")
            status, _, body = await transport.send("POST", yarl.URL(url), {}, b"good")
            assert (status, body) == (200, GOOD)
            await transport.close()
            return int(app[SENT][0])

    assert asyncio.run(work()) < LARGE


@pytest.mark.parametrize("status", [400, 500])
def test_of_an_errors_body_the_beginning_is_read(status: int) -> None:
    async def work() -> None:
        async with server(REPLIES["gzip"], status) as (url, _):
            import yarl

            transport = Transport(10, 1_000_000)
            for method in ("GET", "POST"):
                told, _, body = await transport.send(method, yarl.URL(url), {}, b"bad")
                assert told == status
                assert len(body) <= 1_000_000
            await transport.close()

    asyncio.run(work())


def test_a_packed_reply_within_the_limit_is_read() -> None:
    async def work() -> bytes:
        async with server(packed("gzip", gzip.compress(b" " * 900_000 + GOOD))) as (url, _):
            import yarl

            transport = Transport(10, 1_000_000)
            _, _, body = await transport.send("POST", yarl.URL(url), {}, b"bad")
            await transport.close()
            return body

    assert asyncio.run(work()).strip() == GOOD


def test_the_request_ends_rejected_and_the_others_get_their_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "BACKOFF_S", 0.01)
    monkeypatch.setattr(failures, "BACKOFF_MAX_S", 0.01)

    async def work() -> tuple[Completion, list[Completion]]:
        async with server(REPLIES["gzip"]) as (url, _):
            teacher = OpenAI(base_url=url, model="m", max_reply_mb=1, give_up_after_s=10)
            await teacher.open()
            try:
                good = [await teacher.complete(asked("good"))]
                bad = asyncio.create_task(teacher.complete(asked("bad")))
                while not bad.done():
                    good.append(await teacher.complete(asked(f"good {len(good)}")))
                return await bad, good
            finally:
                await teacher.close()

    bad, good = asyncio.run(work())
    assert why_unusable(choices_of(bad)[0]) == "server_error"
    assert {why_unusable(choices_of(completion)[0]) for completion in good} == {None}
