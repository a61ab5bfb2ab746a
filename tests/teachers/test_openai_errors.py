"""What stops a run: one clear error with a next step, at once, and no key in it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import openai
import pytest
from openai_parts import OpenAIServer, Plan, ask_all, error_reply, good, opened, request, served

from synthgen.errors import ConfigError, SynthgenError, TeacherError
from synthgen.requests.request import Completion, Sampling
from synthgen.teachers.openai import OpenAI, failures
from synthgen.teachers.openai.access import from_environment, without_credentials
from synthgen.teachers.openai.problems import Problem
from synthgen.teachers.openai.reading import read_reply

KEY = "sk-planted-7f3a9c2e51"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def failure(plan: Plan, count: int = 1, **settings: Any) -> TeacherError:
    """The error of a run of `count` requests."""

    async def work() -> dict[str, Any]:
        async with served(plan, **settings) as (teacher, server):
            with pytest.raises(TeacherError) as caught:
                await asyncio.wait_for(ask_all(teacher, count), 20)
            return {"error": caught.value, "requests": server.requests}

    seen = run(work())
    assert seen["requests"] <= count + 1  # a plain question may be one more
    error: TeacherError = seen["error"]
    assert error.exit_code == 1
    return error


def test_a_missing_key_shows_three_ways_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TeacherError, match="OPENAI_API_KEY is not set") as caught:
        run(OpenAI(model="gpt-5.5").open())
    for way in ("export OPENAI_API_KEY", ".env", "base_url: http://localhost", "use: procedural"):
        assert way in str(caught.value)


def test_the_key_comes_from_a_file_env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert from_environment("MY_KEY") is None
    (tmp_path / ".env").write_text(f"MY_KEY={KEY}\n")
    assert from_environment("MY_KEY") == KEY

    async def work() -> Completion:
        async with served(Plan(key=KEY), api_key_env="MY_KEY") as (teacher, _):
            return await teacher.complete(request("x"))

    assert "'x'" in run(work()).text


def test_a_server_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def work() -> str:
        async with served() as (teacher, server):
            await teacher.complete(request("x"))
            return server.headers[0]["authorization"]

    assert run(work()) == "Bearer none"


def test_a_wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    error = failure(Plan(key="another"))
    assert "HTTP 401" in error.message
    assert "OPENAI_API_KEY" in str(error.hint)
    assert isinstance(error.__cause__, openai.AuthenticationError)


def test_a_model_that_does_not_exist() -> None:
    error = failure(Plan(models=("test-model-2", "other")))
    assert "no model 'test-model'" in error.message
    assert "did you mean 'test-model-2'" in str(error.hint)
    assert "other" in str(error.hint)
    assert isinstance(error.__cause__, openai.NotFoundError)


def test_a_base_url_without_its_path() -> None:
    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url.removesuffix("/v1") + "/nowhere/else", model="other") as teacher,
        ):
            server.plan.models = ()
            await teacher.complete(request("x"))

    with pytest.raises(TeacherError, match="no model 'test-model'"):
        run(work())


def test_a_page_that_is_not_there() -> None:
    problem = Problem(404, "no page")
    from synthgen.teachers.openai import advice

    assert "/v1" in str(advice.no_model("m", "http://h", None, problem, "/chat/completions"))
    assert "another api" in str(advice.no_model("m", "http://h", ["m"], problem, "/responses"))


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "insufficient_quota"), (429, "billing_hard_limit_reached"), (402, ""), (403, "insufficient_quota")],
)
def test_a_quota_that_is_spent_is_not_waited_for(status: int, code: str) -> None:
    error = failure(Plan(fatal_from=1, fatal_status=status, fatal_code=code))
    assert f"HTTP {status}" in error.message
    assert "quota or balance is spent" in str(error.hint)
    assert "goes on from here" in str(error.hint)


@pytest.mark.parametrize(("status", "step"), [(403, "may not use"), (400, "fix"), (422, "fix"), (301, "base_url")])
def test_other_refusals_are_final_too(status: int, step: str) -> None:
    error = failure(Plan(fatal_from=1, fatal_status=status))
    assert f"HTTP {status}: no more of this" in error.message
    assert step in str(error.hint)


def test_in_the_middle_of_a_run_what_was_sent_comes_in_and_nothing_more_is_sent() -> None:
    async def work() -> tuple[list[Any], int]:
        plan = Plan(latency_s=0.05, fatal_from=41, fatal_status=401)
        async with served(plan, max_concurrency=10) as (teacher, server):
            asked = [asyncio.create_task(teacher.complete(request(f"prompt {n}."))) for n in range(200)]
            replies = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 30)
            with pytest.raises(TeacherError, match="HTTP 401"):
                await teacher.complete(request("late"))
            return replies, server.requests

    replies, requests = run(work())
    completions = [r for r in replies if isinstance(r, Completion)]
    assert len(completions) == 40
    assert good(replies[:40]) == 40
    assert all(isinstance(r, TeacherError) for r in replies if r not in completions)
    assert requests <= 40 + 2 * 10  # those that were on their way


def test_those_who_wait_for_another_try_end_at_once_too() -> None:
    async def work() -> float:
        async with served(Plan(faults=(("429", 1.0),), retry_after_s=60)) as (teacher, server):
            asked = [asyncio.create_task(teacher.complete(request(f"prompt {n}."))) for n in range(5)]
            while server.requests < 5:
                await asyncio.sleep(0.01)
            server.plan.fatal_from = 1
            with pytest.raises(TeacherError):
                await teacher.complete(request("the last straw"))
            replies = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 30)
            return all(isinstance(r, TeacherError) for r in replies)

    assert run(work())


def test_a_prompt_beyond_the_context_is_a_completion() -> None:
    async def work() -> Completion:
        async with served(Plan(context=100)) as (teacher, _):
            return await teacher.complete(request("x" * 200))

    completion = run(work())
    assert completion.finish_reason == "context_length"
    assert completion.choices[0].text is None


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 512 tokens. However, you requested 600 tokens",
        "the request exceeds the available context size (4096 tokens), try increasing it",
        "prompt is too long: 250000 tokens > 200000 maximum",
        "The decoder prompt (length 700) is longer than the maximum model length of 512.",
    ],
)
def test_the_words_of_several_servers_for_a_prompt_beyond_the_context(message: str) -> None:
    assert Problem(400, message).context_length
    assert not Problem(400, "temperature must be at most 2").context_length


def test_a_max_tokens_beyond_the_context_is_an_error_of_the_config() -> None:
    async def work(max_tokens: int) -> Completion:
        async with served(Plan(fatal_from=1, fatal_status=400)) as (teacher, server):
            told = (
                "'max_tokens' is too large. This model's maximum context length is 512 tokens and your request has 20"
            )
            server._refusal = lambda body: error_reply(400, told)  # type: ignore[method-assign]
            return await teacher.complete(request("x", sampling=Sampling(max_tokens=max_tokens)))

    assert run(work(500)).finish_reason == "context_length"
    with pytest.raises(TeacherError, match="too large"):
        run(work(512))


def test_a_prompt_that_the_provider_refuses_is_a_completion() -> None:
    async def work() -> Completion:
        async with served(Plan(fatal_from=1, fatal_status=400, fatal_code="content_filter")) as (teacher, _):
            return await teacher.complete(request("x"))

    completion = run(work())
    assert completion.finish_reason == "content_filter"
    assert completion.choices[0].refusal == "no more of this"


def test_an_error_within_a_reply_of_status_200() -> None:
    assert Problem.within({"error": {"code": 429, "message": "slow down"}}).status == 429
    assert Problem.within({"error": "broken"}).status == 500


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"error": {"message": "m", "code": null}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"detail": "m"}', "m"),
        (b'{"detail": [{"msg": "m"}]}', "m"),
        (b"<html><body><h1>502 Bad</h1> Gateway</body></html>", "502 Bad Gateway"),
        (b"\xff\xfe", "(2 bytes that are no text)"),
        (b"", ""),
    ],
)
def test_error_bodies_of_all_sorts(data: bytes, message: str) -> None:
    assert Problem.read(500, data).message == message


@pytest.mark.parametrize("status", [401, 400, 403, 500])
def test_no_error_log_line_or_repr_holds_the_key(
    status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("TENANT_TOKEN", "tok-planted-91")
    monkeypatch.setattr(failures, "BACKOFF_S", 0.01)
    caplog.set_level(logging.DEBUG)

    async def work() -> list[str]:
        plan = Plan(fatal_from=1, fatal_status=status)
        headers = {"X-Token": "Token ${TENANT_TOKEN}"}
        async with served(plan, headers=headers, give_up_after_s=0.2) as (teacher, server):
            refuse = server._refusal

            def loose_lipped(body: dict[str, Any]) -> Any:
                outgoing = refuse(body)
                assert outgoing is not None
                outgoing.body["error"]["message"] = str(server.headers[-1])
                return outgoing

            server._refusal = loose_lipped  # type: ignore[method-assign]
            with pytest.raises(TeacherError) as caught:
                await ask_all(teacher, 5)
            texts = [repr(teacher), str(teacher), str(teacher.model_dump()), repr(teacher._caller)]
            error: BaseException | None = caught.value
            while error is not None:
                texts += [str(error), repr(error), repr(vars(error))]
                error = error.__cause__
            assert KEY in server.headers[-1]["authorization"]
            return texts

    for text in [*run(work()), caplog.text]:
        assert KEY not in text
        assert "tok-planted-91" not in text


def test_credentials_in_a_url_are_used_and_never_shown() -> None:
    async def work() -> tuple[OpenAI, str, TeacherError]:
        async with OpenAIServer() as server:
            server.keep_bodies = True
            url = server.url.replace("http://", "http://user:pa%24%24word-1@")
            async with opened(base_url=url, model="test-model") as teacher:
                await teacher.complete(request("x"))
                server.plan.fatal_from = 1
                with pytest.raises(TeacherError) as caught:
                    await teacher.complete(request("y"))
                return teacher, server.headers[0]["authorization"], caught.value

    teacher, header, error = run(work())
    assert header == "Basic dXNlcjpwYSQkd29yZC0x"
    for text in (repr(teacher), str(teacher.model_dump()), teacher.model_dump_json(), str(error)):
        assert "word-1" not in text
        assert "user:" not in text
    assert "127.0.0.1" in str(teacher.model_dump())


def test_a_wrong_setting_does_not_show_the_url_of_another() -> None:
    with pytest.raises(ValueError, match="timeout_s") as caught:
        OpenAI(base_url="http://user:secret-1@host/v1", timeout_s=-1)
    assert "secret-1" not in str(caught.value)
    with pytest.raises(ValueError, match="base_url") as caught:
        OpenAI(base_url="htp://user:secret-1@host/v1")
    assert "secret-1" not in str(caught.value)


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "Cookie"])
def test_a_secret_in_plain_text_among_the_headers_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="plain text") as caught:
        run(OpenAI(base_url="http://localhost:1/v1", model="m", headers={name: "abc-secret"}).open())
    assert "abc-secret" not in str(caught.value)


def test_a_header_names_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(SynthgenError, match="NOT_SET is not set"):
        run(OpenAI(base_url="http://localhost:1/v1", model="m", headers={"X-A": "${NOT_SET}"}).open())


def test_a_url_is_shown_without_login_and_query() -> None:
    assert without_credentials("https://u:p@h:1/v1?key=x") == "https://h:1/v1"


def test_a_certificate_or_a_scheme_that_does_not_fit_is_no_matter_of_waiting() -> None:
    async def work() -> None:
        async with (
            OpenAIServer() as server,
            opened(base_url=server.url.replace("http", "https"), model="test-model") as teacher,
        ):
            await asyncio.wait_for(teacher.complete(request("x")), 30)

    with pytest.raises(TeacherError, match="no trusted connection") as caught:
        run(work())
    assert "https" in str(caught.value.hint)


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_a_reply_of_any_status_of_success_is_one(status: int) -> None:
    body = {"choices": [{"message": {"content": "A plain answer."}, "finish_reason": "stop"}]}
    completion = read_reply(status, {}, json.dumps(body).encode(), "chat")
    assert not isinstance(completion, Problem)
    assert completion.text == "A plain answer."


@pytest.mark.parametrize(("status", "data"), [(204, b""), (202, b'{"requestId": "x", "status": "pending"}')])
def test_a_success_without_a_reply_is_none(status: int, data: bytes) -> None:
    problem = read_reply(status, {}, data, "chat")
    assert isinstance(problem, Problem)
    assert problem.again({}) is None


def test_what_stands_in_a_reply_of_status_200_is_not_called_another_status() -> None:
    assert Problem.within({"error": "broken"}).said == "an error in a reply of status 200: broken"
