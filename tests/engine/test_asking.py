from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from synthgen.engine.asking import IN_A_BATCH, Asker
from synthgen.engine.budget import Budget, worst_case
from synthgen.engine.slots import START
from synthgen.errors import ConfigError, TeacherError
from synthgen.forms.reply_problems import FINAL, why_again
from synthgen.journal.journal import Journal
from synthgen.protocols import Teacher
from synthgen.requests.metering import Price
from synthgen.requests.request import Choice, Completion, Draining, Request, Sampling, Usage


class Scripted(Teacher):
    """Gives the texts in turn; counts what is asked at once."""

    def __init__(self, *texts: str | Completion | Exception) -> None:
        self.model = "scripted"
        self.sampling = None
        self.price: Price | None = None
        self.texts = list(texts)
        self.requests: list[Request] = []
        self.now = 0
        self.peak = 0

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        self.now += 1
        self.peak = max(self.peak, self.now)
        await asyncio.sleep(0.002)
        self.now -= 1
        text = self.texts.pop(0) if self.texts else "more"
        if isinstance(text, Exception):
            raise text
        return text if isinstance(text, Completion) else Completion((Choice(text),), Usage(5, 1))


def request(text: str = "q", **fields: object) -> Request:
    return Request("scripted", ({"role": "user", "content": text},), **fields)  # type: ignore[arg-type]


Body = Callable[[Asker], Awaitable[None]]


def with_asker(path: Path, teacher: Scripted, body: Body, budget: Budget | None = None, slots: int = 4) -> list[str]:
    """Runs the body; returns a list with one item for each time that the budget was reached."""
    reached: list[str] = []

    def on_budget() -> None:
        reached.append("x")

    async def main() -> None:
        with Journal(path) as journal:
            asker = Asker({"teacher": teacher}, journal, concurrency=slots, budget=budget, on_budget=on_budget)
            await body(asker)
            await asker.drained()

    asyncio.run(main())
    return reached


def test_an_unusable_reply_is_asked_for_again_within_the_limit(tmp_path: Path) -> None:
    teacher = Scripted("bad", "bad", "good")

    async def body(asker: Asker) -> None:
        def check(completion: Completion) -> str | None:
            return "bad" if completion.text == "bad" else None

        assert (await asker.ask("teacher", request(), check, 3)).text == "good"
        assert asker.spending.retried == 2
        assert asker.spending.unusable == {"bad": 2}
        last = await asker.ask("teacher", request(), check, 2)
        assert (last.text, last.tries, last.key) == ("bad", 2, request(retry=1).key)
        assert asker.spending.requests == 3  # the second time the journal answers

    with_asker(tmp_path / "j", teacher, body)
    assert [r.retry for r in teacher.requests] == [0, 1, 2]


def test_choices_that_a_reply_lacks_are_asked_for(tmp_path: Path) -> None:
    two = Completion((Choice("b"), Choice("c")), Usage(5, 2))
    teacher = Scripted("a", two, "d")
    asked = request(sampling=Sampling(n=4, seed=7))

    async def body(asker: Asker) -> None:
        for _ in range(2):  # the second time the journal answers
            completion = await asker.ask("teacher", asked)
            assert [choice.text for choice in completion.choices] == ["a", "b", "c", "d"]
            assert completion.usage == Usage(15, 4)
            assert completion.keys == tuple(r.key for r in teacher.requests)
        assert (asker.spending.requests, asker.spending.retried) == (3, 0)

    with_asker(tmp_path / "j", teacher, body)
    assert [(r.sampling.body["n"], r.retry) for r in teacher.requests] == [(4, 0), (3, 1), (1, 2)]


def test_a_further_try_after_single_choices_is_a_request_of_its_own(tmp_path: Path) -> None:
    teacher = Scripted("bad", "bad", "good", "good")

    async def body(asker: Asker) -> None:
        completion = await asker.ask(
            "teacher", request(sampling=Sampling(n=2)), lambda c: "bad" if c.text == "bad" else None, 3
        )
        assert ([choice.text for choice in completion.choices], completion.tries) == (["good", "good"], 2)

    with_asker(tmp_path / "j", teacher, body)
    assert [(r.sampling.body["n"], r.retry) for r in teacher.requests] == [(2, 0), (1, 1), (2, 2), (1, 3)]


@pytest.mark.parametrize("more", [Completion(()), Completion((Choice(None, "timeout"),))])
def test_choices_that_do_not_come_are_not_asked_for_for_ever(tmp_path: Path, more: Completion) -> None:
    teacher = Scripted("a", more)

    async def body(asker: Asker) -> None:
        completion = await asker.ask("teacher", request(sampling=Sampling(n=3)))
        assert [choice.text for choice in completion.choices] == ["a"]

    with_asker(tmp_path / "j", teacher, body)
    assert len(teacher.requests) == 2


@pytest.mark.parametrize("finish_reason", sorted(FINAL))
def test_what_would_end_in_the_same_way_again_is_not_asked_for_again(tmp_path: Path, finish_reason: str) -> None:
    teacher = Scripted(Completion((Choice(None, finish_reason),)), "good")

    async def body(asker: Asker) -> None:
        completion = await asker.ask("teacher", request(), lambda completion: "always", 3)
        assert (completion.finish_reason, completion.tries) == (finish_reason, 1)

    with_asker(tmp_path / "j", teacher, body)
    assert len(teacher.requests) == 1


def test_further_tries_are_part_of_the_budget(tmp_path: Path) -> None:
    async def body(asker: Asker) -> None:
        with pytest.raises(Draining):
            await asker.ask("teacher", request(), lambda completion: "always", 3)
        assert asker.spending.requests == 2

    assert with_asker(tmp_path / "j", Scripted(), body, Budget(requests=2)) == ["x"]


def test_the_reply_is_in_the_journal_before_it_is_used(tmp_path: Path) -> None:
    async def body(asker: Asker) -> None:
        completion = await asker.ask("teacher", request())
        with Journal(tmp_path / "j", readonly=True) as other:
            assert other.get(completion.key) is not None

    with_asker(tmp_path / "j", Scripted("a"), body)


def test_no_more_requests_at_once_than_slots(tmp_path: Path) -> None:
    teacher = Scripted()

    async def body(asker: Asker) -> None:
        await asyncio.gather(*(asker.ask("teacher", request(str(i))) for i in range(40)))

    with_asker(tmp_path / "j", teacher, body, slots=3)
    assert teacher.peak == 3


def test_slots_without_a_number_start_low_and_hold_what_the_teachers_take(tmp_path: Path) -> None:
    small, batches = Scripted(), Scripted()
    small.at_once, batches.batch = 5, True  # type: ignore[attr-defined]
    with Journal(tmp_path / "j") as journal:
        assert Asker({"teacher": small}, journal).concurrency == 5
        assert Asker({"teacher": Scripted(), "judge": Scripted()}, journal).concurrency == START
        assert Asker({}, journal).concurrency == START
        assert Asker({"teacher": small, "judge": batches}, journal).concurrency == IN_A_BATCH
        assert Asker({"teacher": batches}, journal, concurrency=7).concurrency == 7


def test_a_cancelled_asker_does_not_lose_what_was_sent(tmp_path: Path) -> None:
    async def body(asker: Asker) -> None:
        task = asyncio.create_task(asker.ask("teacher", request()))
        while not asker.spending.in_flight:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asker.drained()
        assert asker.journal.get(request().key) is not None

    with_asker(tmp_path / "j", Scripted("a"), body)


def test_draining_buys_nothing_but_still_reads(tmp_path: Path) -> None:
    teacher = Scripted("a", "b")

    async def body(asker: Asker) -> None:
        await asker.ask("teacher", request("bought"))
        asker.drain()
        assert (await asker.ask("teacher", request("bought"))).text == "a"
        with pytest.raises(Draining):
            await asker.ask("teacher", request("new"))

    with_asker(tmp_path / "j", teacher, body)
    assert len(teacher.requests) == 1


def test_a_failure_is_not_journaled_and_counts_as_a_request_that_left(tmp_path: Path) -> None:
    teacher = Scripted(TeacherError("down"), "up")

    async def body(asker: Asker) -> None:
        with pytest.raises(TeacherError):
            await asker.ask("teacher", request())
        assert (asker.spending.requests, asker.spending.lost.requests) == (0, 1)
        assert (await asker.ask("teacher", request())).text == "up"
        with pytest.raises(Draining):
            await asker.ask("teacher", request("one more"))

    assert with_asker(tmp_path / "j", teacher, body, Budget(requests=2)) == ["x"]


def test_the_budget_counts_earlier_sessions(tmp_path: Path) -> None:
    async def first(asker: Asker) -> None:
        await asyncio.gather(*(asker.ask("teacher", request(str(i))) for i in range(3)))

    async def second(asker: Asker) -> None:
        assert asker.spending.requests == 3
        await asker.ask("teacher", request("3"))
        with pytest.raises(Draining):
            await asker.ask("teacher", request("4"))

    assert with_asker(tmp_path / "j", Scripted(), first, Budget(requests=4)) == []
    assert with_asker(tmp_path / "j", Scripted(), second, Budget(requests=4)) == ["x"]


def test_a_token_budget_reserves_the_worst_case(tmp_path: Path) -> None:
    sampling = Sampling(max_tokens=100)
    each = worst_case(request("0", sampling=sampling)).total
    teacher = Scripted()

    async def body(asker: Asker) -> None:
        # two worst cases fit at once, however little the replies use; then what they left over frees room for more
        await asyncio.gather(*(asker.ask("teacher", request(str(i), sampling=sampling)) for i in range(9)))

    assert with_asker(tmp_path / "j", teacher, body, Budget(tokens=2 * each + 42)) == []
    assert teacher.peak == 2


def test_a_money_budget_is_hard_and_counts_earlier_sessions(tmp_path: Path) -> None:
    sampling = Sampling(max_tokens=100)
    teacher = Scripted()
    teacher.price = Price(input=1e6, output=2e6)  # 1 and 2 dollars a token: a reply of 5 + 1 tokens costs 7

    async def body(asker: Asker) -> None:
        for i in range(3):
            await asker.ask("teacher", request(str(i), sampling=sampling))
        assert asker.spending.usd == 21.0
        with pytest.raises(Draining):
            await asker.ask("teacher", request("3", sampling=sampling))

    usage = worst_case(request("0", sampling=sampling))
    worst = usage.prompt_tokens + 2 * usage.completion_tokens
    assert with_asker(tmp_path / "j", teacher, body, Budget(usd=14.0 + worst)) == ["x"]

    async def again(asker: Asker) -> None:
        assert asker.spending.usd == 21.0

    with_asker(tmp_path / "j", teacher, again)


def test_worst_case_needs_max_tokens_and_bounds_the_prompt_by_its_bytes() -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        worst_case(request())
    text = "數" * 100
    assert worst_case(request(text, sampling=Sampling(max_tokens=7, n=2))).total >= len(text.encode()) + 14


def test_a_stages_sampling_lies_over_the_teachers(tmp_path: Path) -> None:
    async def body(asker: Asker) -> None:
        base = Sampling(temperature=1.0, max_tokens=5, extra={"top_k": 3})
        stage = Sampling(temperature=0.2, extra={"min_p": 0.1})
        merged = asker.sampling(stage, base)
        assert merged.body == {"temperature": 0.2, "max_tokens": 5, "top_k": 3, "min_p": 0.1}
        assert asker.sampling(stage, base) is merged
        assert asker.sampling(None, base) is base
        assert asker.sampling(None, None).body == {}

    with_asker(tmp_path / "j", Scripted(), body)


def cut(text: str = "It begins", **fields: object) -> Completion:
    return Completion((Choice(text, "length", **fields),), Usage(9, 3))  # type: ignore[arg-type]


SCHEMA = {"type": "json_schema", "json_schema": {"name": "tasks", "schema": {"type": "object"}}}


def bodies(teacher: Scripted) -> list[tuple[object, ...]]:
    """What a server would see of each request."""
    asked = [(r, r.sampling.body) for r in teacher.requests]
    return [(b.get("temperature"), b.get("max_tokens"), r.response_format is not None, r.retry) for r, b in asked]


@pytest.mark.parametrize(
    ("sampling", "replies", "expected"),
    [
        # at temperature 0 nothing but more tokens can help a cut reply
        ({"temperature": 0, "max_tokens": 64}, [cut()], [(0, 64, True, 0)]),
        (
            {"temperature": 0, "max_tokens": 64, "retry_max_tokens": 200},
            [cut(), cut()],
            [(0, 64, True, 0), (0, 128, True, 1), (0, 200, True, 2)],
        ),
        ({"temperature": 0, "max_tokens": 64, "retry_max_tokens": 64}, [cut()], [(0, 64, True, 0)]),
        # nor an empty one, or any other that the same request must bring again
        ({"temperature": 0}, [Completion((Choice("", "stop"),), Usage(9, 1))], [(0, None, True, 0)]),
        ({"top_p": 0}, [Completion((Choice("", "stop"),), Usage(9, 1))], [(None, None, True, 0)]),
        ({"extra": {"top_k": 1}}, [Completion((Choice("", "stop"),), Usage(9, 1))], [(None, None, True, 0)]),
        # above it another sample may
        ({"temperature": 1, "max_tokens": 64}, [cut(), cut()], [(1, 64, True, n) for n in range(3)]),
        ({"seed": 7}, [Completion((Choice("", "stop"),), Usage(9, 1))], [(None, None, True, 0), (None, None, True, 1)]),
        # white space to the end is the schema's doing
        ({"temperature": 0, "max_tokens": 64}, [cut('{"tasks": ' + " " * 4000)], [(0, 64, True, 0), (0, 64, False, 1)]),
        # and a server that breaks off may do better
        (
            {"temperature": 0},
            [Completion((Choice("It beg", "error"),), Usage(9, 2))],
            [(0, None, True, 0), (0, None, True, 1)],
        ),
    ],
)
def test_a_further_request_differs_in_what_can_help(
    tmp_path: Path, sampling: dict[str, object], replies: list[Completion], expected: list[tuple[object, ...]]
) -> None:
    teacher = Scripted(*replies)

    async def body(asker: Asker) -> None:
        asked = request(sampling=Sampling(**sampling), response_format=SCHEMA)  # type: ignore[arg-type]
        for _ in range(2):  # the second time the journal answers
            completion = await asker.ask("teacher", asked, why_again, 3)
            assert completion.tries == len(expected)
        again = asker.spending.again
        assert again.requests == 2 * (len(expected) - 1)
        assert (again.tokens > 0) == (len(expected) > 1)

    with_asker(tmp_path / "j", teacher, body)
    assert bodies(teacher) == expected


def test_what_an_older_version_asked_again_in_the_same_words_is_replayed(tmp_path: Path) -> None:
    cold = Sampling(temperature=0, max_tokens=64)

    async def main() -> None:
        with Journal(tmp_path / "j") as journal:
            for retry in range(2):
                asked = request(sampling=cold, retry=retry)
                await journal.put(asked.key, asked, cut(f"try {retry}"))
            teacher = Scripted()
            asker = Asker({"teacher": teacher}, journal, concurrency=1)
            completion = await asker.ask("teacher", request(sampling=cold), why_again, 3)
            assert (completion.text, completion.tries, teacher.requests) == ("try 1", 2, [])
        with Journal(tmp_path / "new") as journal, Journal(tmp_path / "j", readonly=True) as old:
            asker = Asker({"teacher": teacher}, journal, reuse=[old], concurrency=1)
            completion = await asker.ask("teacher", request(sampling=cold), why_again, 3)
            assert (completion.text, completion.tries, teacher.requests) == ("try 1", 2, [])

    asyncio.run(main())


def test_at_temperature_0_choices_that_a_reply_lacks_would_be_the_first_one_again(tmp_path: Path) -> None:
    teacher = Scripted("a")

    async def body(asker: Asker) -> None:
        completion = await asker.ask("teacher", request(sampling=Sampling(n=4, temperature=0)))
        assert [choice.text for choice in completion.choices] == ["a"]

    with_asker(tmp_path / "j", teacher, body)
    assert len(teacher.requests) == 1


def test_counts_that_cannot_be_do_not_stretch_a_budget(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(160))

    async def body(asker: Asker) -> None:
        asked = (asker.ask("teacher", request(str(n), sampling=Sampling(max_tokens=400))) for n in range(60))
        await asyncio.gather(*asked, return_exceptions=True)

    sent = {}
    for usage in (Usage(20, 300), Usage(0, 0), Usage(-500, -500), Usage(1, 1), Usage(20, 0), Usage(2**63, 2**63)):
        teacher = Scripted(*[Completion((Choice(text),), usage)] * 60)
        assert with_asker(tmp_path / f"{usage}", teacher, body, Budget(tokens=10_000))
        sent[usage] = len(teacher.requests)
    assert max(sent.values()) <= 1.3 * min(sent.values())


def test_a_teacher_that_fails_to_drain_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    drained: list[str] = []

    class Broken(Scripted):
        def drain(self) -> None:
            raise RuntimeError("no")

    class Good(Scripted):
        def drain(self) -> None:
            drained.append("x")

    async def main() -> None:
        with Journal(tmp_path / "j") as journal:
            Asker({"a": Broken(), "b": Good()}, journal, concurrency=1).drain()

    asyncio.run(main())
    assert drained == ["x"]


def test_further_choices_that_an_older_version_asked_for_are_replayed(tmp_path: Path) -> None:
    asked = request(sampling=Sampling(n=2))
    assert asked.sampling.body["n"] == 2
    older = request(sampling=asked.sampling.model_copy(update={"n": 1}), retry=1)
    assert older.sampling.body["n"] == 2  # its body was that of the first request
    teacher = Scripted()

    async def main() -> None:
        with Journal(tmp_path / "j") as journal:
            await journal.put(asked.key, asked, Completion((Choice("a"),), Usage(5, 1)))
            await journal.put(older.key, older, Completion((Choice("b"),), Usage(5, 1)))
            completion = await Asker({"teacher": teacher}, journal, concurrency=1).ask("teacher", asked)
            assert [choice.text for choice in completion.choices] == ["a", "b"]

    asyncio.run(main())
    assert teacher.requests == []
