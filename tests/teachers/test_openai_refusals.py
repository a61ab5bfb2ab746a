"""What a server refuses or fails at for good: the one record is rejected, or the run ends with the server's words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openai_parts import OpenAIServer, Plan, Refuse, ask_all, error_reply, good, refusing, request, run, served
from wire import Outgoing

from synthgen.api import run_recipe
from synthgen.config import load
from synthgen.errors import TeacherError
from synthgen.forms.reply_problems import why_unusable
from synthgen.requests.request import Completion
from synthgen.store import RunReport
from synthgen.teachers.openai import failures

RECIPE = """
name: run
teacher: {{use: openai, base_url: "{url}", model: test-model, give_up_after_s: {patience}}}
source: {{use: dataset, path: tasks.jsonl, chunk: 1}}
stages: [{{use: respond, sampling: {{max_tokens: 60}}}}]
concurrency: {concurrency}
"""

pytestmark = pytest.mark.usefixtures("impatient")


def about_rivers(outgoing: Callable[[], Outgoing]) -> Refuse:
    return lambda body: outgoing() if "river" in json.dumps(body) else None


def limit(message: str, **headers: str) -> Outgoing:
    outgoing = error_reply(429, message)
    outgoing.headers |= headers
    return outgoing


async def a_run(
    folder: Path, url: str, rows: list[str], concurrency: int = 1, give_up_after_s: float = 20
) -> RunReport:
    (folder / "tasks.jsonl").write_text("".join(json.dumps({"instruction": row}) + "\n" for row in rows))
    (folder / "run.yaml").write_text(RECIPE.format(url=url, patience=give_up_after_s, concurrency=concurrency))
    return await run_recipe(load(folder / "run.yaml"), out=folder / "run")


def rejected(folder: Path) -> list[tuple[str, str]]:
    return [(row["reason"], row["detail"]) for row in pq.read_table(folder / "run" / "rejected.parquet").to_pylist()]


TASKS = [f"Name item {n} in Chile." for n in range(5)]
RIVER = "Name a river in Poland."
FOR_GOOD = [
    (lambda: error_reply(400, "roles must alternate"), "bad_request", 1),
    (lambda: error_reply(403, "not this one"), "bad_request", 1),
    (lambda: error_reply(404, "No endpoints found that support tool use"), "bad_request", 1),
    (lambda: error_reply(422, "not this one"), "bad_request", 1),
    (lambda: error_reply(418, "not this one"), "bad_request", 1),
    (lambda: error_reply(451, "for legal reasons"), "refused", 1),
    (lambda: error_reply(400, "Content Exists Risk"), "refused", 1),
    (lambda: Outgoing({"code": 1301, "msg": "unsafe content", "success": False}), "refused", 1),
    (lambda: error_reply(413, "Payload Too Large"), "context_length", 1),
    (lambda: limit("Request too large: Limit 200, Requested 900"), "bad_request", 1),
    (lambda: error_reply(500, "Failed to apply the template"), "server_error", 8),
    (lambda: error_reply(503, "no slot"), "server_error", 8),
    (lambda: error_reply(529, "overloaded"), "server_error", 8),
    (lambda: error_reply(501, "not this one"), "bad_request", 1),
    (lambda: Outgoing({"error": {"message": "Provider returned error", "code": 502}}), "server_error", 8),
    (lambda: Outgoing(raw=b'{"choices": [{"mess'), "server_error", 4),
    (lambda: Outgoing(raw=b"<html>Sign in</html>"), "server_error", 4),
    (lambda: Outgoing(raw=b'data: {"choices": []}\n\n'), "server_error", 4),
    (lambda: Outgoing(reset=True), "server_error", 8),
]


@pytest.mark.parametrize(("outgoing", "reason", "tries"), FOR_GOOD)
def test_it_is_rejected_even_where_it_is_the_only_one_that_is_asked(
    outgoing: Callable[[], Outgoing], reason: str, tries: int
) -> None:
    async def work() -> tuple[Completion, int, int]:
        async with served() as (teacher, server):
            refusing(server, about_rivers(outgoing))
            completion = await teacher.complete(request(RIVER))
            return completion, sum("river" in json.dumps(body) for body in server.bodies), server.requests

    completion, rivers, requests = run(work())
    [choice] = completion.choices
    assert why_unusable(choice) == reason
    assert choice.text is None
    assert choice.refusal
    assert rivers == tries
    assert requests <= tries + 1  # and a plain question


@pytest.mark.parametrize(("outgoing", "reason", "tries"), [FOR_GOOD[0], FOR_GOOD[10], FOR_GOOD[15]])
@pytest.mark.parametrize("at", [0, 3])
def test_the_one_record_is_rejected_wherever_it_stands_and_a_rerun_asks_nothing(
    tmp_path: Path, outgoing: Callable[[], Outgoing], reason: str, tries: int, at: int
) -> None:
    async def work() -> tuple[list[RunReport], list[int]]:
        async with OpenAIServer() as server:
            server.keep_bodies = True
            refusing(server, about_rivers(outgoing))
            rows = [*TASKS[:at], RIVER, *TASKS[at:]]
            reports = [await a_run(tmp_path, server.url, rows)]
            asked = [sum("river" in json.dumps(body) for body in server.bodies), server.requests]
            (tmp_path / "run" / "report.json").unlink()
            reports.append(await a_run(tmp_path, server.url, rows))
            return reports, [*asked, server.requests]

    reports, (rivers, first, both) = run(work())
    assert [(r.accepted, r.rejected) for r in reports] == [(5, 1)] * 2
    assert rivers == tries
    assert first <= 5 + tries + 1
    assert both == first
    [(said, detail)] = rejected(tmp_path)
    assert said == reason
    assert any(words in detail for words in ("alternate", "template", "not JSON"))


@pytest.mark.parametrize(
    ("outgoing", "words"),
    [
        (lambda: error_reply(400, "temperature must be 1"), "HTTP 400: temperature must be 1"),
        (lambda: error_reply(403, "not in your region"), "HTTP 403"),
        (lambda: error_reply(422, "no"), "HTTP 422"),
        (lambda: error_reply(501, "no"), "HTTP 501"),
        (lambda: limit("Request too large: Limit 200, Requested 900"), "Limit 200"),
        (lambda: error_reply(500, "out of memory"), "HTTP 500: out of memory"),
        (lambda: error_reply(503, "loading"), "HTTP 503: loading"),
        (lambda: limit("slow down"), "HTTP 429: slow down"),
        (lambda: Outgoing(raw=b"<html>Sign in</html>"), "Sign in"),
        (lambda: Outgoing({"detail": "no such thing"}), "no such thing"),
    ],
)
def test_where_nothing_is_answered_the_run_ends_with_the_servers_words(
    tmp_path: Path, outgoing: Callable[[], Outgoing], words: str
) -> None:
    async def work() -> int:
        async with OpenAIServer() as server:
            refusing(server, lambda body: outgoing())
            with pytest.raises(TeacherError, match=words):
                await a_run(tmp_path, server.url, TASKS, concurrency=3, give_up_after_s=0.3)
            return server.requests

    assert run(work()) < 80


def test_many_rejected_in_a_row_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "NEARLY_ALL", 10)

    async def work() -> int:
        async with served() as (teacher, server):
            assert good(await ask_all(teacher, 5)) == 5
            refusing(server, lambda body: None if "hello" in json.dumps(body) else error_reply(400, "not these"))
            with pytest.raises(TeacherError, match=r"none of the last 10 requests.*not these"):
                await ask_all(teacher, 50, at_once=1)
            return server.requests

    assert run(work()) < 25


def test_those_that_fail_for_good_are_all_done_at_the_end_and_do_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failures, "NEARLY_ALL", 3)

    async def work() -> list[str | None]:
        async with served(Plan(lasting=(("500", 0.1),))) as (teacher, _):
            return [completion.finish_reason for completion in await ask_all(teacher, 100)]

    finishes = run(work())
    assert 3 < finishes.count("server_error") < 30
    assert finishes.count("stop") == 100 - finishes.count("server_error")


def test_a_server_that_changes_in_the_middle_costs_few_records() -> None:
    async def work() -> list[Any]:
        async with served() as (teacher, server):
            assert good(await ask_all(teacher, 5)) == 5
            refusing(server, lambda body: error_reply(400, "the model is another one now"))
            asked = [teacher.complete(request(f"late {n}")) for n in range(20)]
            return await asyncio.gather(*asked, return_exceptions=True)

    replies = run(work())
    assert sum(isinstance(reply, Completion) for reply in replies) <= failures.IN_DOUBT
    assert all("another one now" in str(r) for r in replies if isinstance(r, TeacherError))


def test_what_a_plain_question_cost_is_counted() -> None:
    async def work() -> tuple[Completion, Completion]:
        async with served() as (teacher, server):
            refusing(server, about_rivers(lambda: error_reply(400, "no")))
            return await teacher.complete(request(RIVER)), await teacher.complete(request(f"another {RIVER}"))

    first, second = run(work())
    assert first.finish_reason == second.finish_reason == "bad_request"
    assert first.usage.total > 0
    assert second.usage.total == 0  # it was known by then


@pytest.mark.parametrize(
    ("message", "headers", "words"),
    [
        ("slow down", {"Retry-After": "1e18"}, "more than a year"),
        ("slow down", {"Retry-After": "inf"}, "without saying until when"),
        ("Please try again in 1h12m", {}, "72 min"),
        ("Rate limit exceeded: free-models-per-day", {}, "per-day"),
        ("no", {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2d"}, "2 days"),
    ],
)
def test_a_wait_that_is_too_long_ends_the_run_at_once(message: str, headers: dict[str, str], words: str) -> None:
    async def work() -> int:
        async with served(give_up_after_s=100) as (teacher, server):
            assert good(await ask_all(teacher, 3)) == 3
            refusing(server, lambda body: limit(message, **headers))
            with pytest.raises(TeacherError, match=words) as caught:
                await ask_all(teacher, 10, at_once=5)
            assert "give_up_after_s (100 s)" in str(caught.value.hint)
            return server.requests

    assert run(work()) <= 3 + 10


@pytest.mark.parametrize("fault", ["500", "malformed"])
def test_a_request_that_fails_more_slowly_than_the_run_waits_is_rejected_and_not_taken_for_a_server_that_is_down(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(failures, "BACKOFF_S", 0.4)
    monkeypatch.setattr(failures, "BACKOFF_MAX_S", 0.4)
    outgoing = error_reply(500, "no") if fault == "500" else Outgoing(raw=b'{"choices": [{"mess')

    async def work() -> tuple[Completion, int]:
        async with served(give_up_after_s=0.1) as (teacher, server):
            refusing(server, about_rivers(lambda: outgoing))
            return await teacher.complete(request(RIVER)), server.requests

    completion, requests = run(work())
    assert completion.choices[0].finish_reason == "server_error"
    assert requests <= 5


def test_a_server_that_is_down_gets_one_plain_question_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "BACKOFF_S", 0.4)

    async def work() -> int:
        async with served(give_up_after_s=0.1) as (teacher, server):
            refusing(server, lambda body: error_reply(500, "out of memory"))
            with pytest.raises(TeacherError, match="out of memory"):
                await teacher.complete(request(RIVER))
            return server.requests

    assert run(work()) <= 4


def test_a_limit_per_day_whose_short_wait_changes_nothing_ends_the_run() -> None:
    async def work() -> int:
        async with served(give_up_after_s=100) as (teacher, server):
            refusing(server, lambda body: limit("Quota exceeded: RequestsPerDay. Please retry in 0.02s."))
            with pytest.raises(TeacherError, match="its limit per day begins anew: HTTP 429: Quota exceeded"):
                await ask_all(teacher, 10, at_once=5)
            return server.requests

    assert run(work()) <= 5 * (failures.BELIEVED_TODAY + 1)


def test_a_limit_per_day_that_slides_is_waited_for() -> None:
    async def work() -> None:
        refused = 0

        def sometimes(body: dict[str, Any]) -> Outgoing | None:
            nonlocal refused
            refused += 1
            return limit("tokens per day (TPD): Please try again in 0.02s.") if refused % 2 else None

        async with served(give_up_after_s=100) as (teacher, server):
            refusing(server, sometimes)
            assert good(await ask_all(teacher, 20, at_once=2)) == 20

    run(work())


def test_another_server_is_asked_while_one_rests_for_a_day() -> None:
    async def work() -> list[int]:
        async with OpenAIServer() as resting, OpenAIServer() as working:
            refusing(resting, lambda body: limit("come back tomorrow", **{"Retry-After": "86400"}))
            async with served(base_url=[resting.url, working.url]) as (teacher, _):
                assert good(await ask_all(teacher, 60)) == 60
            return [resting.requests, working.requests]

    resting, working = run(work())
    assert working == 60
    assert resting <= 50  # those that were on their way


@pytest.mark.parametrize("hint", ["header", "body", "words"])
def test_a_limit_that_says_when_to_come_back_is_no_matter_of_money(hint: Any) -> None:
    async def work() -> dict[str, Any]:
        async with served(Plan(faults=(("429", 0.2),), retry_after_s=0.03, hint=hint)) as (teacher, server):
            assert good(await ask_all(teacher, 100)) == 100
            return server.stats()

    assert run(work())["outcomes"]["429"] > 5


def test_a_standstill_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(failures, "TOLD_AFTER_S", 0.1)

    async def work() -> None:
        async with served(give_up_after_s=0.6) as (teacher, server):
            refusing(server, lambda body: limit("the account is busy"))
            await ask_all(teacher, 20)

    with pytest.raises(TeacherError, match="the account is busy") as caught:
        run(work())
    assert "raise the limit there" in str(caught.value.hint)
    told = [r.getMessage() for r in caplog.records if "waiting for" in r.getMessage()]
    assert len(told) == 1
    assert "the account is busy" in told[0]
