"""How busy the engine keeps a teacher, how fast it runs, replays, and how much memory it takes.

Slots: a teacher with log-normal latency (sigma 1), 64 slots, one generating request and one answer for each of two
records an attempt; measured until the last request starts. Beside it in the same run: a loop that works in batches and
waits for each to end, with batches of as many attempts as slots, and of ten times as many.

Records: made by the built-in teacher without latency and with that of a model (a log-normal median of 2 s at 16 slots),
then replayed from the journal.

    python benchmarks/engine.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from synthgen.api.run import run
from synthgen.config import load
from synthgen.engine.asking import Asker
from synthgen.engine.engine import Engine
from synthgen.engine.pipeline import Pipeline, default_window, prepare
from synthgen.journal.journal import Journal
from synthgen.protocols import Context, Draw, PoolView
from synthgen.records import Record
from synthgen.requests.request import Choice, Completion, Request, Usage
from synthgen.store import RunFolder

SLOTS = 64
SIGMA = 1.0


class Slow:
    """Answers after a log-normal time; notes when each request starts and ends."""

    def __init__(self, median_s: float) -> None:
        self.model = "slow"
        self.sampling = None
        self.median_s = median_s
        self.log: list[tuple[float, float]] = []
        self._random = random.Random(0)

    async def complete(self, request: Request) -> Completion:
        start = time.perf_counter()
        await asyncio.sleep(self.median_s * math.exp(self._random.gauss(0, SIGMA)))
        self.log.append((start, time.perf_counter()))
        return Completion((Choice(request.key[:12]),), Usage(10, 3))

    def busy_share(self) -> float:
        """Slot time in use over slot time there was, until the work runs out: the last `SLOTS` starts are left out."""
        starts = sorted(start for start, _ in self.log)
        first, until = starts[0], starts[-SLOTS]
        return sum(min(end, until) - start for start, end in self.log) / ((until - first) * SLOTS)


class Empty:
    """A source that gives attempts nothing but their number."""

    seeds: tuple[Record, ...] = ()

    def __init__(self, reads_pool: bool) -> None:
        self.reads_pool = reads_pool

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        return Draw()


class Generate:
    ordered = False
    expected = 2

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        completion = await ctx.ask("write", sample=ctx.attempt)
        return [Record(instruction=f"{completion.text} {i}") for i in range(2)]


class Turn:
    ordered = True

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        return records


class Respond:
    ordered = False

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        completions = await asyncio.gather(*(ctx.ask(r.instruction) for r in records))
        return [r.replace(output=c.text) for r, c in zip(records, completions, strict=True)]


class Nowhere:
    def commit(self, accepted: Any, rejected: Any) -> None:
        pass


def slots(reads_pool: bool, attempts: int, median_s: float) -> dict[str, float]:
    teacher = Slow(median_s)
    pipeline = Pipeline(
        name="slots",
        source=Empty(reads_pool),
        stages=(("generate", Generate()), ("turn", Turn()), ("respond", Respond())),
        teachers={"teacher": teacher},
        max_attempts=attempts,
        window=default_window(50_000),
        concurrency=SLOTS,
    )

    async def body(journal: Journal) -> None:
        prepare(pipeline)
        await Engine(pipeline, Asker(pipeline.teachers, journal, concurrency=SLOTS), Nowhere()).run()

    cpu = time.process_time()
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite") as journal:
        asyncio.run(body(journal))
    cpu = time.process_time() - cpu
    return {"busy_share": teacher.busy_share(), "cpu_ms_per_request": 1000 * cpu / len(teacher.log)}


def barrier(attempts: int, median_s: float, batch: int) -> dict[str, float]:
    """The same work in batches of attempts: all wait for the slowest, after generating and after answering."""
    teacher = Slow(median_s)

    async def body() -> None:
        free = asyncio.Semaphore(SLOTS)

        async def ask(text: str) -> Completion:
            async with free:
                return await teacher.complete(Request("slow", ({"role": "user", "content": text},)))

        for start in range(0, attempts, batch):
            made = await asyncio.gather(*(ask(str(i)) for i in range(start, min(attempts, start + batch))))
            await asyncio.gather(*(ask(f"{c.text} {i}") for c in made for i in range(2)))

    asyncio.run(body())
    return {"busy_share": teacher.busy_share()}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def records(target: int, latency_s: float) -> dict[str, float]:
    """Makes `target` records with the built-in teacher, then replays their journal in the same folder."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "run"
        for name in ("make", "replay"):
            settings = [f"target={target}", f"teacher.latency_s={latency_s}", "teacher.latency_sigma=1"]
            recipe = load("quickstart", settings)
            wall, cpu = time.perf_counter(), time.process_time()
            with RunFolder.create_or_open(path, {}) as folder:
                report = asyncio.run(run(recipe.pipeline, folder))
            figures[f"{name}_wall_s"] = time.perf_counter() - wall
            figures[f"{name}_cpu_s"] = time.process_time() - cpu
            figures[f"{name}_peak_mb"] = peak_mb()
            figures["accepted"], figures["requests"] = report.accepted, report.requests.bought
    figures["make_over_replay"] = figures["make_wall_s"] / figures["replay_wall_s"]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    attempts, median_s = (1_500, 0.05) if options.quick else (4_000, 0.2)
    out: dict[str, Any] = {
        "no pool": slots(False, attempts, median_s),
        "pool, default window": slots(True, attempts, median_s),
        "barrier per 64": barrier(attempts, median_s, SLOTS),
        "barrier per 640": barrier(attempts, median_s, 10 * SLOTS),
    }
    print(f"slots busy, {SLOTS} slots, log-normal latency (median {median_s} s, sigma {SIGMA:g}), {attempts} attempts")
    for name, figures in out.items():
        print(f"  {name:22s} {figures['busy_share']:6.1%}", flush=True)
    target = 500 if options.quick else 10_000
    for latency_s in (0.0, 0.2 if options.quick else 2.0):
        name = f"{target} records, latency {latency_s} s"
        out[name] = records(target, latency_s)
        print(name)
        for key, value in out[name].items():
            print(f"  {key:22s} {value:10.2f}", flush=True)
    if options.json:
        print(json.dumps(out))


if __name__ == "__main__":
    main()
