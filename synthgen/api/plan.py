"""What a run will ask for and cost: its first request, how many there will be, and what its window costs."""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from synthgen.api.event_loop import run_async
from synthgen.api.recipes import choose, loaded
from synthgen.api.training import check_training
from synthgen.config.recipe import Recipe
from synthgen.engine.asking import Asker
from synthgen.engine.budget import Budget
from synthgen.engine.engine import Engine
from synthgen.engine.pipeline import Pipeline, default_window, prepare
from synthgen.engine.slots import START
from synthgen.errors import StageError, TeacherError
from synthgen.journal import Journal
from synthgen.protocols import Adapted, SourceFacts, Teacher
from synthgen.records import Record
from synthgen.requests.metering import Bought, Price
from synthgen.requests.request import Completion, Request
from synthgen.teachers.procedural import Procedural

PER_RECORDS = 1000
"""A run without a target is estimated for so many records."""

ATTEMPTS = 8
"""How many attempts are walked for the numbers."""


@dataclass(slots=True)
class Asked(Bought):
    """What one teacher was asked for. `most` is the sum of `max_tokens`, None where a request sets none."""

    most: int | None = 0

    def take(self, request: Request, completion: Completion) -> None:
        """Counts one request and its reply."""
        self.add(completion.usage)
        limit = request.sampling.max_tokens and max(request.sampling.max_tokens, request.sampling.retry_max_tokens or 0)
        self.most = None if limit is None or self.most is None else self.most + limit * (request.sampling.n or 1)


@dataclass(slots=True)
class Walk:
    """What a few attempts came to."""

    attempts: int = 0
    generated: int = 0
    asked: dict[str, Asked] = field(default_factory=dict)

    def commit(self, accepted: Sequence[Record], rejected: Sequence[Record]) -> None:
        """Counts the records of one attempt."""
        self.attempts += 1
        self.generated += len(accepted) + len(rejected)


class _StandIn(Adapted):
    """Has all that a teacher has, and another's replies."""

    def __init__(self, teacher: Teacher, reply: Callable[[Request], Awaitable[Completion]]) -> None:
        super().__init__(teacher, Teacher)
        vars(self)["_reply"] = reply

    async def complete(self, request: Request) -> Completion:
        completion: Completion = await self._reply(request)
        return completion


class _Taken(TeacherError):
    """The first request has been taken down."""


def first_request(pipeline: Pipeline) -> tuple[str, Request] | None:
    """The first request and the name of the teacher that gets it; None where the first attempt asks nothing.

    Raises:
        SynthgenError: a part cannot do its work on the first attempt: a template lacks a variable, a filter raises.
    """
    taken: list[tuple[str, Request]] = []

    async def take(name: str, request: Request) -> Completion:
        taken.append((name, request))
        raise _Taken("taken")

    try:
        _walk(_asking(pipeline, take), attempts=1)
    except _Taken:
        return taken[0]
    return None


def walk(pipeline: Pipeline) -> Walk | None:
    """What a few attempts come to with the procedural teacher in place of all others, or None where it cannot do them.

    Two of these on one pipeline come to the same.
    """
    programs, asked = Procedural(flaws=0), {name: Asked() for name in pipeline.teachers}

    async def answer(name: str, request: Request) -> Completion:
        completion = await programs.complete(request)
        asked[name].take(request, completion)
        return completion

    try:
        done = _walk(_asking(pipeline, answer), attempts=ATTEMPTS)
    except StageError:
        return None  # a stage of the user's own that cannot read what programs write
    done.asked = asked
    return done if done.generated else None


def _asking(pipeline: Pipeline, reply: Callable[[str, Request], Awaitable[Completion]]) -> Pipeline:
    """The pipeline with teachers that have these replies; `reply` gets a teacher's name and a request."""
    teachers: dict[str, Any] = {name: _StandIn(one, partial(reply, name)) for name, one in pipeline.teachers.items()}
    return replace(pipeline, teachers=teachers)


def _walk(pipeline: Pipeline, *, attempts: int) -> Walk:
    """Runs the attempts against a journal that is thrown away."""
    alone = replace(
        pipeline,
        target=None,
        window=1,
        concurrency=1,
        budget=Budget(),
        max_attempts=attempts,
        barren_attempts=attempts + 1,
    )
    done = Walk()

    async def run(folder: Path) -> None:
        prepare(alone)
        with Journal(folder / "journal.sqlite") as journal:
            await Engine(alone, Asker(alone.teachers, journal, concurrency=1), done).run()

    with tempfile.TemporaryDirectory(prefix="synthgen-check-") as temporary:
        run_async(run(Path(temporary)))
    return done


WORST_YIELD = 0.25
"""The upper bounds suppose that one record in four is kept."""

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BUSY: dict[int, tuple[float, ...]] = {
    0: (0.10, 0.15, 0.22, 0.34, 0.52, 0.72, 0.89, 0.95),
    1: (0.21, 0.31, 0.45, 0.63, 0.80, 0.96, 0.98, 0.98),
    3: (0.41, 0.54, 0.69, 0.85, 0.91, 0.94, 0.95, 0.95),
    8: (0.66, 0.80, 0.91, 0.99, 0.99, 0.99, 0.99, 0.99),
    20: (0.89, 0.96, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00),
}
"""The share of slots that stay busy, by the requests of an attempt behind the first and by window / concurrency.

From a discrete-event simulation with log-normal latency (sigma 1), the mean of 16 and 64 slots.
"""


@dataclass(frozen=True, slots=True)
class Range:
    """The least, where every record is kept and replies are short, and the most; None where nothing bounds it."""

    least: float
    most: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What reaching `records` accepted ones takes; `usd` is None where a price is not known."""

    records: int
    requests: Range
    tokens: Range
    usd: Range | None


def estimate(walked: Walk, records: int, prices: Mapping[str, Price | None]) -> Estimate:
    """What so many accepted records take, by the numbers of a few attempts."""
    per_record = records / walked.generated
    asked = list(walked.asked.values())
    requests = sum(a.requests for a in asked) * per_record
    least = sum(a.tokens for a in asked) * per_record
    most = None if any(a.most is None for a in asked) else sum(a.prompt_tokens + (a.most or 0) for a in asked)
    return Estimate(
        records,
        Range(requests, requests / WORST_YIELD),
        Range(least, None if most is None else most * per_record / WORST_YIELD),
        _usd(walked.asked, prices, per_record),
    )


def _usd(asked: Mapping[str, Asked], prices: Mapping[str, Price | None], per_record: float) -> Range | None:
    least, most = 0.0, 0.0
    bounded = True
    for name, numbers in asked.items():
        price = prices[name]
        if not numbers.requests:
            continue
        if price is None:
            return None
        least += price.usd(numbers.prompt_tokens, numbers.completion_tokens)
        most += price.usd(numbers.prompt_tokens, numbers.most or 0)
        bounded = bounded and numbers.most is not None
    return Range(least * per_record, most * per_record / WORST_YIELD if bounded else None)


@dataclass(frozen=True, slots=True)
class Window:
    """A run's window, in attempts, its slots (those it begins with), and the share of them that stays busy."""

    attempts: int
    slots: int
    busy: float


def window_of(pipeline: Pipeline, walked: Walk | None) -> Window | None:
    """The window, where the source reads the pool; the share supposes that replies take log-normal times."""
    if not pipeline.source.reads_pool:
        return None
    attempts = pipeline.window or default_window(pipeline.target)
    behind = sum(a.requests for a in walked.asked.values()) / walked.attempts - 1 if walked else 0
    rows = [n for n in BUSY if n <= max(behind, 0)]
    slots = pipeline.concurrency or START
    return Window(attempts, slots, _between(attempts / slots, BUSY[rows[-1]]))


def _between(ratio: float, shares: tuple[float, ...]) -> float:
    """The share at this ratio, on the line between the two simulated ones next to it."""
    at = bisect_left(RATIOS, ratio)
    if at == 0:
        return shares[0] * ratio / RATIOS[0]
    if at == len(RATIOS):
        return shares[-1]
    part = (ratio - RATIOS[at - 1]) / (RATIOS[at] - RATIOS[at - 1])
    return shares[at - 1] + part * (shares[at] - shares[at - 1])


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, as far as it is known before: nothing has been sent.

    `first_request` is the name of the teacher that gets it and the request, None where the first attempt asks nothing.
    `estimate` is None then, and where the built-in programs, asked in the teacher's place, cannot write what the
    stages read. `window` is None where the source does not read the pool, `train` where the config has no `train:`
    section; `source` are the facts of existing rows.
    """

    recipe: Recipe
    folder: Path
    stages: tuple[str, ...]
    first_request: tuple[str, Request] | None
    estimate: Estimate | None
    window: Window | None
    source: SourceFacts | None
    train: Mapping[str, Any] | None


def plan(config: Path | str | Recipe, settings: Sequence[str] = ()) -> Plan:
    """Loads a config with all its parts, and says what its run will ask for; sends nothing and writes nothing.

    `config` is a file, the name of a shipped recipe, or what `load` returned; `settings` are as `--set` takes them.

    Raises:
        ConfigError: with everything that is wrong in the config.
        SynthgenError: a part cannot do its work on the first attempt: a template lacks a variable, a filter raises.
        ValueError: settings were given for a recipe that is loaded already.
    """
    recipe = loaded(config, settings)
    pipeline = recipe.pipeline
    train = check_training(recipe, choose(recipe))
    asked = first_request(pipeline)
    walked = walk(pipeline) if asked else None
    expected = None
    if walked is not None:
        prices = {name: teacher.price for name, teacher in pipeline.teachers.items()}
        expected = estimate(walked, recipe.config.target or PER_RECORDS, prices)
    return Plan(
        recipe=recipe,
        folder=choose(recipe),
        stages=tuple(name for name, _ in pipeline.stages),
        first_request=asked,
        estimate=expected,
        window=window_of(pipeline, walked),
        source=pipeline.source.facts(),
        train=train,
    )
