from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from engine_parts import SEEDS, STAGES, Demonstrations, HashTeacher, Memory, Novel, Respond, Write, go, pipeline

from synthgen.engine.asking import Asker
from synthgen.engine.budget import Budget
from synthgen.engine.engine import Engine
from synthgen.engine.pipeline import default_window, prepare
from synthgen.errors import SeedError, StageError, TeacherError
from synthgen.journal.journal import Journal
from synthgen.protocols import Context, Draw, PoolView
from synthgen.records import Record
from synthgen.requests.request import Completion, Request


def test_target_is_met_exactly_and_nothing_disappears(tmp_path: Path) -> None:
    status, sink, engine = go(tmp_path / "j", pipeline(HashTeacher(), target=61))
    assert status == "done"
    assert len(sink.accepted) == 61
    progress = engine.progress
    assert progress.generated == len(sink.accepted) + len(sink.rejected) == 2 * progress.attempts
    assert all(r.output is not None for r in sink.accepted)
    assert {r.drop.reason for r in sink.rejected if r.drop} <= {"duplicate", "over_target"}
    assert {(r.drop.stage, r.drop.reason) for r in sink.rejected if r.drop} >= {("novel", "duplicate")}
    assert len({r.id for r in (*sink.accepted, *sink.rejected)}) == progress.generated


def test_same_records_at_any_concurrency_and_delay(tmp_path: Path) -> None:
    reference = go(tmp_path / "a", pipeline(HashTeacher(), concurrency=1))[1].content
    assert len(reference) > 60
    for i, (concurrency, delay) in enumerate([(1, 0.001), (8, 0.002), (64, 0.004)]):
        teacher = HashTeacher(delay_s=delay, seed=i)
        assert go(tmp_path / f"b{i}", pipeline(teacher, concurrency=concurrency))[1].content == reference


def test_machine_made_demonstrations_are_those_of_the_window(tmp_path: Path) -> None:
    _, sink, _ = go(tmp_path / "j", pipeline(HashTeacher(vocabulary=200), window=5, target=100))
    seeds = {s.id for s in SEEDS}
    by_id = {r.id: r for r in (*sink.accepted, *sink.rejected)}
    shown = 0
    for record in sink.accepted:
        for demonstration in record.provenance.demonstrations:
            if demonstration not in seeds:
                shown += 1
                born = by_id[demonstration].provenance.attempt
                assert born is not None
                assert record.provenance.attempt is not None
                assert born <= record.provenance.attempt - 5
    assert shown > 20


def test_a_wider_window_changes_what_is_shown(tmp_path: Path) -> None:
    narrow = go(tmp_path / "a", pipeline(HashTeacher(), window=4))[1].content
    wide = go(tmp_path / "b", pipeline(HashTeacher(), window=40))[1].content
    assert narrow != wide


def test_replay_buys_nothing_and_gives_the_same(tmp_path: Path) -> None:
    first = HashTeacher(delay_s=0.001)
    reference = go(tmp_path / "j", pipeline(first, concurrency=8))[1].content
    again = HashTeacher()
    _, sink, engine = go(tmp_path / "j", pipeline(again))
    assert sink.content == reference
    # the first run bought ahead of its last attempt; what it committed is all there
    assert again.asked == []
    assert engine.asker.spending.replayed > 0


def test_a_raised_target_pays_only_for_what_is_new(tmp_path: Path) -> None:
    source = {"source": Demonstrations(), "window": 4}
    go(tmp_path / "j", pipeline(HashTeacher(), target=30, **source))
    teacher = HashTeacher()
    sink = go(tmp_path / "j", pipeline(teacher, target=60, **source))[1]
    fresh = HashTeacher()
    reference = go(tmp_path / "k", pipeline(fresh, target=60, **source))[1]
    assert sink.content == reference.content
    assert 0 < len(teacher.asked) < len(fresh.asked)


def test_reuse_of_another_runs_journal(tmp_path: Path) -> None:
    go(tmp_path / "old", pipeline(HashTeacher()))
    teacher = HashTeacher()
    _, sink, engine = go(tmp_path / "new", pipeline(teacher, stages=STAGES[:2]), reuse=tmp_path / "old")
    assert teacher.asked == []
    assert engine.asker.spending.reused > 0
    assert engine.asker.spending.requests == 0
    assert len(sink.accepted) == 60


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_request_budget_is_hard(tmp_path: Path, limit: int) -> None:
    teacher = HashTeacher(delay_s=0.001)
    status, sink, engine = go(tmp_path / "j", pipeline(teacher, target=200, budget=Budget(requests=limit)))
    assert status == "budget"
    assert len(teacher.asked) == limit == engine.asker.spending.requests
    assert engine.progress.generated == len(sink.accepted) + len(sink.rejected)
    again = HashTeacher()
    assert go(tmp_path / "j", pipeline(again, target=200, budget=Budget(requests=limit)))[0] == "budget"
    assert again.asked == []


def test_token_budget_is_hard(tmp_path: Path) -> None:
    status, _, engine = go(tmp_path / "j", pipeline(HashTeacher(delay_s=0.001), budget=Budget(tokens=800)))
    assert status == "budget"
    assert 400 < engine.asker.spending.tokens <= 800


def test_a_barren_run_stops_short(tmp_path: Path) -> None:
    status, sink, engine = go(tmp_path / "j", pipeline(HashTeacher(vocabulary=1), barren_attempts=7))
    assert status == "short"
    assert len(sink.accepted) == 1
    assert engine.progress.attempts == 8
    assert "7 attempts in a row" in engine.progress.message


def test_an_exhausted_source_ends_the_run(tmp_path: Path) -> None:
    pipe = pipeline(HashTeacher(), source=Demonstrations(attempts=5))
    status, sink, _ = go(tmp_path / "j", pipe)
    assert status == "short"
    assert len(sink.accepted) + len(sink.rejected) == 10
    pipe = pipeline(HashTeacher(), source=Demonstrations(reads_pool=False, attempts=5), target=None)
    assert go(tmp_path / "k", pipe)[0] == "done"


class Losing(Novel):
    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        return records[1:] if ctx.attempt == 3 else records


class Doubling(Novel):
    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        return records + records[:1]


class Raising(Novel):
    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        if ctx.attempt >= 3:
            raise KeyError("boom")
        return records


@pytest.mark.parametrize(
    ("stage", "words"),
    [(Losing(), "lost 1 of 2 records"), (Doubling(), "twice"), (Raising(), "KeyError: 'boom'")],
)
def test_a_broken_stage_stops_the_run_and_is_named(tmp_path: Path, stage: Novel, words: str) -> None:
    stages = (*STAGES[:2], ("mine", stage), STAGES[2])
    with pytest.raises(StageError, match=r"stage mine, attempt [03]") as caught:
        go(tmp_path / "j", pipeline(HashTeacher(delay_s=0.001), stages=stages))
    assert words in str(caught.value)
    with Journal(tmp_path / "j", readonly=True) as journal:
        assert len(list(journal)) > 0


class Splitting(Novel):
    """Replaces each record by two, keeping the first one's parent as well in even attempts."""

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        out = []
        for record in records:
            out += [record.child(input="a"), record.child(input="b")]
            if ctx.attempt % 2 == 0:
                out.append(record)
        return out


def test_children_replace_their_parent_in_the_ledger(tmp_path: Path) -> None:
    stages = (*STAGES[:2], ("split", Splitting()))
    _, sink, engine = go(tmp_path / "j", pipeline(HashTeacher(), stages=stages, target=None, max_attempts=10))
    records = (*sink.accepted, *sink.rejected)
    assert engine.progress.generated == len(records)
    assert len({r.id for r in records}) == len(records)
    assert engine.progress.flows["split"].new > 0
    children = [r for r in sink.accepted if r.input]
    assert all(len(r.provenance.parents) == 1 for r in children)


class Breaking(Demonstrations):
    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        if attempt == 9:
            raise SeedError("the file ends in the middle of a row")
        return super().draw(attempt, view, rng)


def test_a_source_that_fails_stops_the_run_and_what_was_sent_comes_in(tmp_path: Path) -> None:
    teacher = HashTeacher(delay_s=0.005)
    with pytest.raises(SeedError, match="middle of a row"):
        go(tmp_path / "j", pipeline(teacher, source=Breaking(reads_pool=False), target=200))
    assert teacher.busy == 0
    with Journal(tmp_path / "j", readonly=True) as journal:
        assert set(journal) == set(teacher.asked)


class Failing(HashTeacher):
    async def complete(self, request: Request) -> Completion:
        if len(self.asked) >= 9:
            raise TeacherError("the key is wrong", hint="set OPENAI_API_KEY")
        return await super().complete(request)


def test_a_teacher_that_cannot_go_on_stops_the_run(tmp_path: Path) -> None:
    teacher = Failing(delay_s=0.001)
    with pytest.raises(TeacherError, match="the key is wrong"):
        go(tmp_path / "j", pipeline(teacher))
    with Journal(tmp_path / "j", readonly=True) as journal:
        assert len(list(journal)) == 9


def interrupted(journal: Path, after: int, abort: bool) -> tuple[HashTeacher, Memory, Engine]:
    teacher = HashTeacher(delay_s=0.003)
    sink = Memory()

    async def body() -> Engine:
        pipe = pipeline(teacher, target=200)
        with Journal(journal) as book:
            prepare(pipe)
            engine = Engine(pipe, Asker(pipe.teachers, book, concurrency=8), sink)
            task = asyncio.create_task(engine.run())
            while len(teacher.asked) < after:
                await asyncio.sleep(0)
            if abort:
                await engine.abort()
            else:
                engine.stop("interrupted", "asked to stop")
            assert await asyncio.wait_for(task, 20) == "interrupted"
            return engine

    return teacher, sink, asyncio.run(body())


def test_an_interrupted_run_drains_and_pays_for_nothing_twice(tmp_path: Path) -> None:
    teacher, sink, engine = interrupted(tmp_path / "j", 60, abort=False)
    assert teacher.busy == 0
    assert len(teacher.asked) == engine.asker.spending.requests
    assert engine.progress.generated == len(sink.accepted) + len(sink.rejected)
    again = HashTeacher()
    result = go(tmp_path / "j", pipeline(again, target=200))[1]
    assert not set(teacher.asked) & set(again.asked)
    assert result.content == go(tmp_path / "k", pipeline(HashTeacher(), target=200))[1].content


def test_an_aborted_run_keeps_what_was_journaled(tmp_path: Path) -> None:
    teacher, _, _ = interrupted(tmp_path / "j", 60, abort=True)
    with Journal(tmp_path / "j", readonly=True) as journal:
        kept = set(journal)
    assert kept
    again = HashTeacher()
    result = go(tmp_path / "j", pipeline(again, target=200))[1]
    assert not kept & set(again.asked)
    assert len(set(teacher.asked) & set(again.asked)) <= 8
    assert result.content == go(tmp_path / "k", pipeline(HashTeacher(), target=200))[1].content


class Swallowing(Write):
    """A stage that catches all errors, as users' stages may."""

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        try:
            return await super().run(records, ctx)
        except Exception:  # noqa: BLE001
            return records


def test_a_stage_that_catches_all_errors_does_not_swallow_the_end_of_the_run(tmp_path: Path) -> None:
    stages = (("write", Swallowing()), STAGES[1])
    status, sink, engine = go(tmp_path / "j", pipeline(HashTeacher(), stages=stages, budget=Budget(requests=9)))
    assert status == "budget"
    assert engine.progress.generated == len(sink.accepted) + len(sink.rejected) == 8


class Dying(HashTeacher):
    """Fails once it is told that the run is ending."""

    drained = False

    def drain(self) -> None:
        self.drained = True

    async def complete(self, request: Request) -> Completion:
        completion = await super().complete(request)
        if self.drained:
            raise TeacherError("the server went away")
        return completion


def test_a_failure_after_the_end_does_not_undo_it(tmp_path: Path) -> None:
    teacher = Dying(delay_s=0.005)
    status, sink, _ = go(tmp_path / "j", pipeline(teacher, concurrency=32))
    assert (status, len(sink.accepted)) == ("done", 60)
    assert teacher.drained


class Unprepared(Novel):
    def prepare(self, preparation: object) -> None:
        raise KeyError("threshold")


def test_a_part_that_cannot_be_prepared_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="mine raised KeyError: 'threshold' while it was prepared"):
        go(tmp_path / "j", pipeline(HashTeacher(), stages=(STAGES[0], ("mine", Unprepared()))))


def test_default_window() -> None:
    assert [default_window(t) for t in (None, 10, 480, 50_000, 10**7)] == [4, 4, 10, 1024, 1024]


def test_equal_prompts_are_bought_once(tmp_path: Path) -> None:
    class Same(Respond):
        async def run(self, records: list[Record], ctx: Context) -> list[Record]:
            return [r.replace(output=(await ctx.ask("the same for all")).text) for r in records]

    teacher = HashTeacher(delay_s=0.001)
    _, sink, _ = go(tmp_path / "j", pipeline(teacher, stages=(*STAGES[:2], ("same", Same()))))
    assert len({r.output for r in sink.accepted}) == 1
    assert len(teacher.asked) == len(set(teacher.asked))
