"""What is sent and what is read: the three APIs, sampling, structured output, models, Azure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from openai_parts import SHORT, OpenAIServer, Plan, opened, request, served
from pydantic import ValidationError

from synthgen.errors import TeacherError
from synthgen.protocols import Teacher
from synthgen.requests.metering import UNKNOWN
from synthgen.requests.request import Completion, Request, Sampling, Usage
from synthgen.teachers.openai import OpenAI
from synthgen.teachers.openai.bodies import Dialect, encode
from synthgen.teachers.openai.problems import Problem
from synthgen.teachers.openai.replies import MalformedError, completion_of

TOOL = {"type": "function", "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}}}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object", "properties": {}}},
}


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def body(asked: Request, api: Any = "chat", dialect: Dialect | None = None) -> dict[str, Any]:
    return dict(json.loads(encode(replace(asked, api=api), dialect or Dialect())))


async def sent(asked: Request, plan: Plan | None = None, **settings: Any) -> tuple[Completion, list[dict[str, Any]]]:
    async with served(plan, **settings) as (teacher, server):
        return await teacher.complete(asked), server.bodies


def test_it_is_a_teacher() -> None:
    assert isinstance(OpenAI(model="m"), Teacher)


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
def test_every_api_gives_text_usage_and_finish_reason(api: Any) -> None:
    completion, bodies = run(sent(request("What is up?", api=api)))
    assert "'What is up?'" in completion.text
    assert completion.finish_reason == "stop"
    assert completion.model == "test-model"
    assert completion.usage.prompt_tokens > 0
    assert completion.usage.completion_tokens == len(completion.text) // 4
    assert str(completion.request_id).startswith("reply-")
    assert (
        set(bodies[0])
        == {
            "chat": {"model", "messages", "max_tokens"},
            "completions": {"model", "prompt", "max_tokens"},
            "responses": {"model", "input", "store", "stream", "max_output_tokens"},
        }[api]
    )


def test_a_request_for_raw_completion_says_so_itself() -> None:
    completion, bodies = run(sent(request("Once upon", api="completions")))
    assert bodies[0]["prompt"] == "Once upon"
    assert "'Once upon'" in completion.text


def test_a_reply_that_is_cut_by_the_responses_api_has_the_finish_reason_length() -> None:
    completion, _ = run(sent(request("long", api="responses"), Plan(faults=(("length", 1.0),))))
    assert completion.finish_reason == "length"


def test_n_gives_as_many_choices() -> None:
    completion, _ = run(sent(request("x", sampling=Sampling(n=3))))
    assert len(completion.choices) == 3


def test_what_is_set_is_sent_and_nothing_else() -> None:
    sampling = Sampling(temperature=0, top_p=0.5, stop=("\n",), extra={"top_k": 5, "min_p": 0.1})
    assert body(request("x", sampling=sampling)) == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "x"}],
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["\n"],
        "top_k": 5,
        "min_p": 0.1,
    }


def test_a_seed_moves_on_with_sample_and_retry() -> None:
    seeds = [
        body(request("x", sampling=Sampling(seed=7), sample=sample, retry=retry))["seed"]
        for sample, retry in ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1))
    ]
    assert seeds[0] == 7
    assert len(set(seeds)) == 5


def test_tools_and_schema_in_every_api() -> None:
    asked = request("x", tools=(TOOL,), response_format=SCHEMA)
    assert body(asked)["tools"] == [TOOL]
    assert body(asked)["response_format"] == SCHEMA
    assert body(asked, "completions")["response_format"] == SCHEMA
    flat = body(asked, "responses")
    assert flat["tools"] == [{"type": "function", **TOOL["function"]}]
    assert flat["text"] == {"format": {"type": "json_schema", **SCHEMA["json_schema"]}}


def test_logprobs_are_a_number_for_completions() -> None:
    asked = request("x", sampling=Sampling(logprobs=True, top_logprobs=4))
    assert body(asked)["logprobs"] is True
    assert body(asked, "completions")["logprobs"] == 4
    assert "top_logprobs" not in body(asked, "completions")
    assert body(asked, "responses")["include"] == ["message.output_text.logprobs"]


def test_a_dialogue_with_tools_for_the_responses_api() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    messages = (
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
    )
    assert body(request("", messages=messages), "responses")["input"] == [
        {"role": "user", "content": "2+2?"},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "4"},
    ]


def test_a_prompt_of_megabytes_is_sent_whole() -> None:
    _, bodies = run(sent(request("word " * 300_000)))
    assert len(bodies[0]["messages"][0]["content"]) == 1_500_000


def test_lone_surrogates_do_not_break_a_body() -> None:
    assert body(request("a\ud800b – 你好"))["messages"][0]["content"] == "a?b – 你好"


def test_everything_in_a_chat_reply_is_read() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    message = {"content": None, "reasoning_content": "hm", "refusal": "no", "tool_calls": [call]}
    reply = {
        "choices": [{"message": message, "finish_reason": "tool_calls", "logprobs": {"content": []}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}},
    }
    choice = completion_of(reply, "chat").choices[0]
    assert (choice.text, choice.reasoning, choice.refusal, choice.finish_reason) == (None, "hm", "no", "tool_calls")
    assert choice.tool_calls == (call,)
    assert choice.logprobs == {"content": []}
    assert completion_of(reply, "chat").usage == Usage(9, 5, 4)


def test_everything_in_a_response_is_read() -> None:
    reply = {
        "status": "completed",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {
                "type": "message",
                "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
            },
            {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 4}},
    }
    completion = completion_of(reply, "responses")
    choice = completion.choices[0]
    assert (choice.text, choice.reasoning, choice.refusal, choice.finish_reason) == ("a", "hm", "no", "tool_calls")
    assert choice.tool_calls[0]["function"] == {"name": "add", "arguments": "{}"}
    assert completion.usage == Usage(9, 5, 4)


def test_a_text_in_parts_is_put_together() -> None:
    reply = {"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}]}
    assert completion_of(reply, "chat").text == "ab"


def test_counts_that_a_server_does_not_give_are_unknown() -> None:
    reply = {"choices": [{"message": {"content": "x" * 40}}]}
    assert completion_of(reply, "chat").usage == Usage(UNKNOWN, UNKNOWN)


@pytest.mark.parametrize("reply", [{}, {"choices": []}, {"choices": None}, {"choices": [{}]}, {"choices": ["a"]}])
def test_a_reply_without_choices_is_malformed(reply: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        completion_of(reply, "chat")


def test_a_server_that_takes_no_schema_is_asked_without_one(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> list[dict[str, Any]]:
        async with served(Plan(schemas=False)) as (teacher, server):
            assert teacher.structured is True
            for number in range(3):
                completion = await teacher.complete(request(f"p{number}", response_format=SCHEMA))
                assert f"'p{number}'" in completion.text
            return server.bodies

    bodies = run(work())
    assert ["response_format" in b for b in bodies] == [True, False, False, False]
    assert "takes no JSON schema" in caplog.text


def test_requests_on_their_way_when_the_refusal_of_schemas_comes_are_sent_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> list[dict[str, Any]]:
        async with served(Plan(schemas=False, latency_s=0.02)) as (teacher, server):
            completions = [teacher.complete(request(f"p{number}", response_format=SCHEMA)) for number in range(5)]
            for number, completion in enumerate(await asyncio.gather(*completions)):
                assert f"'p{number}'" in completion.text
            return server.bodies

    bodies = run(work())
    assert sum("response_format" in b for b in bodies) == 5 == sum("response_format" not in b for b in bodies)
    assert caplog.text.count("takes no JSON schema") == 1


def test_structured_false_never_sends_a_schema() -> None:
    _, bodies = run(sent(request("x", response_format=SCHEMA), structured=False))
    assert "response_format" not in bodies[0]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_name_of_max_tokens_is_learnt(name: str) -> None:
    async def work() -> list[dict[str, Any]]:
        async with served(Plan(max_tokens_name=name)) as (teacher, server):
            await teacher.complete(request("a"))
            await teacher.complete(request("b"))
            return server.bodies

    assert [name in b for b in run(work())] == ([True, True] if name == "max_tokens" else [False, True, True])


def test_a_server_that_refuses_n_is_asked_for_one_choice_at_a_time(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> list[dict[str, Any]]:
        async with served(Plan(many="refused")) as (teacher, server):
            for text in ("a", "b"):
                completion = await teacher.complete(request(text, sampling=Sampling(n=3)))
                assert len(completion.choices) == 1
            return server.bodies

    assert [b.get("n") for b in run(work())] == [3, None, None]
    assert "takes no n (Only one completion choice is allowed)" in caplog.text


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "'n' : number must be at most 1"),
        (422, "n must be 1 when using greedy sampling"),
        (400, "Only one completion choice is allowed"),
    ],
)
def test_words_for_one_choice_at_a_time_are_known(status: int, message: str) -> None:
    assert Problem(status, message).unknown_n
    assert Problem.read(400, b'{"error": {"message": "no", "param": "n"}}').unknown_n
    assert Problem(500, message).unknown_n
    assert not Problem(404, message).unknown_n
    assert not Problem(400, "max_tokens must be in range").unknown_n


def test_the_only_model_of_a_server_is_taken() -> None:
    async def work() -> str:
        async with served(Plan(models=("alone",)), model=None) as (teacher, _):
            completion = await teacher.complete(request("x", model=teacher.model))
            assert completion.model == "alone"
            return teacher.model

    assert run(work()) == "alone"


@pytest.mark.parametrize("models", [("one", "two"), ()])
def test_one_of_several_models_must_be_named(models: tuple[str, ...]) -> None:
    async def work() -> None:
        async with served(Plan(models=models), model=None):
            pass

    with pytest.raises(TeacherError, match=f"{len(models)} models" if models else "no model") as caught:
        run(work())
    assert "model:" in str(caught.value.hint)
    assert all(model in str(caught.value.hint) for model in models)


def test_opening_with_a_model_sends_nothing() -> None:
    async def work() -> None:
        async with opened(base_url="http://127.0.0.1:9/v1", model="m"):
            pass

    run(work())


def test_requests_before_opening_are_refused() -> None:
    with pytest.raises(TeacherError, match="not open"):
        run(OpenAI(model="m").complete(request("x")))


def test_it_opens_again_after_closing_in_another_loop() -> None:
    async def work(teacher: OpenAI) -> None:
        async with OpenAIServer() as server:
            teacher.base_url = server.url
            await teacher.open()
            assert "'x'" in (await teacher.complete(request("x"))).text
            await teacher.close()

    teacher = OpenAI(model="test-model")
    run(work(teacher))
    run(work(teacher))


def test_azure_addresses_its_deployment_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_KEY", "k-azure-1")

    async def work() -> tuple[str, str, str | None]:
        settings = {"azure_api_version": "2025-01-01", "azure_deployment": "gpt-x", "api_key_env": "AZURE_KEY"}
        async with opened(base_url="https://mine.openai.azure.com", **settings) as teacher:
            assert teacher._caller is not None
            server = teacher._caller.servers[0]
            return teacher.model, str(server.urls["chat"]), server.headers.get("api-key")

    assert run(work()) == (
        "gpt-x",
        "https://mine.openai.azure.com/openai/deployments/gpt-x/chat/completions?api-version=2025-01-01",
        "k-azure-1",
    )


def test_headers_organization_and_project_are_sent_and_no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TENANT", "tenant-7")

    async def work() -> dict[str, str]:
        settings = {"headers": {"X-Tenant": "${MY_TENANT}"}, "organization": "org", "project": "proj"}
        async with served(**settings) as (teacher, server):
            await teacher.complete(request("x"))
            return server.headers[0]

    headers = run(work())
    assert headers["x-tenant"] == "tenant-7"
    assert headers["openai-organization"] == "org"
    assert headers["openai-project"] == "proj"
    assert headers["user-agent"].startswith("synthgen/")
    assert not [name for name in headers if name.startswith("x-stainless")]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> tuple[Completion, int]:
        async with OpenAIServer() as proxy:
            monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
            monkeypatch.setenv("no_proxy", "")
            async with opened(base_url="http://model.example/v1", model="test-model") as teacher:
                return await teacher.complete(request("x")), proxy.requests

    completion, through = run(work())
    assert "'x'" in completion.text
    assert through == 1


def test_prices_are_looked_up_for_others_and_free_at_home() -> None:
    dear = OpenAI(model="gpt-4.1-mini").price
    assert dear is not None
    assert dear.output > dear.input > 0
    home = OpenAI(model="gpt-4.1-mini", base_url="http://localhost:8000/v1").price
    assert home is not None
    assert home.output == 0
    assert OpenAI(model="no-such-model", base_url="https://llm.example.com/v1").price is None
    assert OpenAI(model="m", price={"input": 0.15, "output": 0.6}).price.usd(1_000_000, 0) == 0.15


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x/v1", [], ["http://a/v1", "http://a/v1"]])
def test_what_is_no_url_is_an_error(url: Any) -> None:
    with pytest.raises(ValidationError, match=r"URL"):
        OpenAI(base_url=url)


def test_sampling_of_the_teacher_is_a_default_for_stages() -> None:
    assert OpenAI(model="m", sampling=SHORT).sampling == SHORT


@pytest.mark.parametrize("port", ["70000", "x", "-1", "0", "1e3", "99999999999999999999"])
def test_a_port_that_cannot_be_is_refused(port: str) -> None:
    with pytest.raises(ValueError, match="has no port of 1 to 65535"):
        OpenAI(model="m", base_url=f"http://host:{port}/v1")
