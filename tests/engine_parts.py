"""Small real parts for engine tests: a source, a teacher that answers from a hash, stages and a sink in memory."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen.engine.asking import Asker
from synthgen.engine.budget import Budget
from synthgen.engine.engine import Engine
from synthgen.engine.pipeline import Pipeline, prepare
from synthgen.journal.journal import Journal
from synthgen.protocols import Context, Draw, PoolView, Teacher
from synthgen.records import Provenance, Record
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage

SEEDS = tuple(Record(id=f"seed{i}", instruction=f"seed task {i}") for i in range(4))


class Demonstrations:
    """Two seed tasks, and one machine-made task where the pool has one."""

    def __init__(self, reads_pool: bool = True, attempts: int | None = None) -> None:
        self.reads_pool = reads_pool
        self.seeds: Sequence[Record] = SEEDS
        self.attempts = attempts

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        if self.attempts is not None and attempt >= self.attempts:
            return None
        picked = rng.sample(list(view.seeds), 2)
        if self.reads_pool and len(view.machine):
            picked.append(view.machine[rng.randrange(len(view.machine))])
        return Draw(demonstrations=tuple(picked))


class HashTeacher(Teacher):
    """Answers with words drawn from a hash of the request, after a random delay that changes nothing."""

    def __init__(self, delay_s: float = 0.0, seed: int = 0, vocabulary: int = 6) -> None:
        self.model = f"hash-{vocabulary}"
        self.sampling: Sampling | None = Sampling(max_tokens=20)
        self.delay_s = delay_s
        self.vocabulary = vocabulary
        self.asked: list[str] = []
        self.busy = 0
        self._random = random.Random(seed)

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request.key)
        if self.delay_s:
            self.busy += 1
            await asyncio.sleep(self._random.expovariate(1 / self.delay_s))
            self.busy -= 1
        digest = hashlib.sha256(request.key.encode()).digest()
        words = [str(b % self.vocabulary) for b in digest[:3]]
        return Completion((Choice(" ".join(words)),), Usage(10, 3))


class Write:
    """Asks for two tasks an attempt and makes them records."""

    ordered = False
    expected = 2

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        made = []
        for i in range(2):
            prompt = " | ".join(d.instruction for d in ctx.demonstrations)
            completion = await ctx.ask(prompt, sample=2 * ctx.attempt + i)
            demonstrations = tuple(d.id for d in ctx.demonstrations)
            provenance = Provenance(requests=(completion.key,), demonstrations=demonstrations)
            made.append(Record(instruction=f"do {completion.text}", provenance=provenance))
        return records + made


class Novel:
    """Drops what has been seen: ordered, so that what it saw depends on attempt numbers alone."""

    ordered = True

    def prepare(self, preparation: Any) -> None:
        self.seen = {seed.instruction for seed in preparation.seeds}

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        out = []
        for record in records:
            if record.instruction in self.seen:
                out.append(record.dropped("duplicate"))
            else:
                self.seen.add(record.instruction)
                out.append(record)
        return out


class Respond:
    """Asks for an answer to each record."""

    ordered = False

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        completions = await asyncio.gather(*(ctx.ask(record.instruction) for record in records))
        return [r.replace(output=c.text) for r, c in zip(records, completions, strict=True)]


class Memory:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.accepted: list[Record] = []
        self.rejected: list[Record] = []

    def commit(self, accepted: Sequence[Record], rejected: Sequence[Record]) -> None:
        self.accepted.extend(accepted)
        self.rejected.extend(rejected)

    @property
    def content(self) -> list[str]:
        return [r.model_dump_json() for r in (*self.accepted, *self.rejected)]


STAGES = (("write", Write()), ("novel", Novel()), ("respond", Respond()))


def pipeline(teacher: HashTeacher, **settings: Any) -> Pipeline:
    settings.setdefault("source", Demonstrations())
    settings.setdefault("stages", STAGES)
    settings.setdefault("target", 60)
    return Pipeline(name="test", teachers={"teacher": teacher}, **settings)


def go(journal: Path, pipe: Pipeline, reuse: Path | None = None) -> tuple[str, Memory, Engine]:
    """Runs to the end; returns the status, what was committed, and the engine."""

    async def body() -> tuple[str, Memory, Engine]:
        sink = Memory()
        old = Journal(reuse, readonly=True) if reuse else None
        with Journal(journal) as book:
            prepare(pipe)
            engine: Engine

            def on_budget() -> None:
                engine.stop("budget", "the budget is spent")

            asker = Asker(
                pipe.teachers,
                book,
                reuse=[old] if old else [],
                concurrency=pipe.concurrency,
                budget=pipe.budget,
                on_budget=on_budget,
            )
            engine = Engine(pipe, asker, sink)
            try:
                status = await asyncio.wait_for(engine.run(), 60)
            finally:
                if old is not None:
                    old.close()
        return status, sink, engine

    return asyncio.run(body())


__all__ = ["Budget", "Demonstrations", "HashTeacher", "Memory", "Novel", "Respond", "Write", "go", "pipeline"]
