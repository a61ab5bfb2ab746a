"""What a server does not understand is left out or put in another way, and a stream is read as a whole reply."""

from __future__ import annotations

from typing import Any

import pytest
from openai_parts import Plan, ask_all, error_reply, good, refusing, request, run, served

from synthgen.errors import TeacherError
from synthgen.requests.request import Completion, Request, Sampling

SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
ABOUT_SCHEMAS = [
    (status, message)
    for status in (400, 422, 500, 501, 503)
    for message in ("failed to parse grammar", "response_format is not known", "no")
    if (status, message) != (503, "no")  # an overloaded server says nothing about schemas
]

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize(("status", "message"), ABOUT_SCHEMAS)
def test_a_schema_that_a_server_does_not_take_is_left_out(status: int, message: str) -> None:
    async def work() -> tuple[list[Completion], int]:
        plan = Plan(schemas=False, schema_status=status, schema_words=message)
        async with served(plan) as (teacher, server):
            asked = [request(f"prompt {n}.", response_format=SCHEMA) for n in range(4)]
            return [await teacher.complete(a) for a in asked], server.requests

    completions, requests = run(work())
    assert [c.finish_reason for c in completions] == ["stop"] * 4
    assert requests <= 4 + 6


def test_a_server_that_is_down_for_a_while_keeps_its_schemas() -> None:
    async def work() -> dict[str, Any]:
        async with served() as (teacher, server):
            await teacher.complete(request("before", response_format=SCHEMA))
            left = iter(range(4))
            refusing(server, lambda body: error_reply(500, "no") if next(left, None) is not None else None)
            await teacher.complete(request("meanwhile", response_format=SCHEMA))
            await teacher.complete(request("after", response_format=SCHEMA))
            return server.bodies[-1]

    assert "response_format" in run(work())


@pytest.mark.parametrize("status", [400, 500])
def test_a_system_message_that_the_model_does_not_know_goes_into_the_users(status: int) -> None:
    async def work() -> list[dict[str, Any]]:
        async with served() as (teacher, server):
            refusing(
                server,
                lambda body: (
                    error_reply(status, "System role not supported")
                    if body["messages"][0]["role"] == "system"
                    else None
                ),
            )
            messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"})
            asked = Request("test-model", messages)
            assert (await teacher.complete(asked)).finish_reason == "stop"
            return server.bodies

    assert run(work())[-1]["messages"] == [{"role": "user", "content": "Be brief.\n\nHi"}]


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("name", ["seed", "logprobs", "top_k"])
def test_a_setting_that_the_server_does_not_know_is_named(status: int, name: str) -> None:
    async def work() -> int:
        async with served() as (teacher, server):
            refusing(
                server, lambda body: error_reply(status, f"Unsupported parameter: '{name}'") if name in body else None
            )
            sampling = Sampling(seed=3, logprobs=True, extra={"top_k": 5})
            with pytest.raises(TeacherError, match=f"HTTP {status}: Unsupported parameter") as caught:
                await teacher.complete(request("x", sampling=sampling))
            assert f"take {name} out of sampling" in str(caught.value.hint)
            return server.requests

    assert run(work()) == 2


@pytest.mark.parametrize(
    ("api", "streams"),
    [
        ("chat", "only"),
        ("chat", "always"),
        ("completions", "only"),
        ("completions", "always"),
        ("responses", "always"),  # with "only" it is another API: ours says `stream: false` by name
    ],
)
def test_servers_that_stream_are_read(api: Any, streams: Any) -> None:
    async def work() -> tuple[Completion, Completion]:
        async with served(Plan(streams=streams)) as (teacher, _):
            asked = request("prompt 0.", api=api, sampling=Sampling(n=2, max_tokens=50))
            return await teacher.complete(asked), await teacher.complete(request("prompt 1.", api=api))

    first, second = run(work())
    assert "'prompt 0.'" in first.text
    assert "'prompt 1.'" in second.text
    assert second.finish_reason == "stop"
    assert second.usage.prompt_tokens > 1
    assert second.usage.completion_tokens == len(second.text) // 4


def test_streams_that_are_cut_are_asked_for_again() -> None:
    async def work() -> dict[str, Any]:
        async with served(Plan(streams="always", faults=(("malformed", 0.1), ("cut", 0.1)))) as (teacher, server):
            assert good(await ask_all(teacher, 100)) == 100
            return server.stats()

    assert run(work())["outcomes"]["malformed"] > 0
