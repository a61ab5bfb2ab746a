"""What the tests of the openai teacher share: the test server, a teacher at it, and many requests at once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))

from faults import Plan
from openai_server import OpenAIServer, error_reply
from wire import Outgoing

from synthgen.requests.request import Completion, Request, Sampling
from synthgen.teachers.openai import OpenAI

__all__ = ["SHORT", "OpenAIServer", "Plan", "Refuse", "ask_all", "error_reply", "good", "opened", "refusing"]
__all__ += ["request", "run", "served"]

SHORT = Sampling(max_tokens=50)

Refuse = Callable[[dict[str, Any]], Outgoing | None]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What the work gives; an error where it does not end."""
    return asyncio.run(asyncio.wait_for(work, 60))


def refusing(server: OpenAIServer, refuse: Refuse) -> None:
    """Has the server answer with what `refuse` gives for a body, where it gives something."""
    server._refusal = refuse  # type: ignore[method-assign]


@asynccontextmanager
async def served(plan: Plan | None = None, **settings: Any) -> AsyncIterator[tuple[OpenAI, OpenAIServer]]:
    """An open teacher at a fresh server."""
    async with OpenAIServer(plan or Plan()) as server:
        server.keep_bodies = True
        async with opened(**{"base_url": server.url, "model": "test-model", **settings}) as teacher:
            yield teacher, server


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[OpenAI]:
    teacher = OpenAI(**settings)
    await teacher.open()
    try:
        yield teacher
    finally:
        await teacher.close()


def request(text: str, **fields: Any) -> Request:
    return Request(
        **{"model": "test-model", "messages": ({"role": "user", "content": text},), "sampling": SHORT, **fields}
    )


async def ask_all(teacher: OpenAI, count: int, at_once: int = 50) -> list[Completion]:
    """Replies to `count` different prompts, `at_once` with the teacher."""
    slots = asyncio.Semaphore(at_once)

    async def ask(number: int) -> Completion:
        async with slots:
            return await teacher.complete(request(f"prompt {number}."))

    return list(await asyncio.gather(*(ask(number) for number in range(count))))


def good(completions: Sequence[Completion]) -> int:
    """How many are whole, and answer the prompt of their place."""
    return sum(
        f"'prompt {number}.'" in completion.text and completion.finish_reason == "stop"
        for number, completion in enumerate(completions)
    )
