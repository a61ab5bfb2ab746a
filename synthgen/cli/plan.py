"""What a run will ask for: its first request, and how many requests and tokens there will be.

Both come from the run's own pipeline, walked for a few attempts. No teacher is asked: for the first request a teacher
that only takes it down stands in for the config's teachers, and for the numbers the procedural one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from synthgen.asking import Asker
from synthgen.engine import Engine
from synthgen.errors import StageError, TeacherError
from synthgen.eventloop import run_async
from synthgen.exchange import Completion, Request
from synthgen.journal import Journal
from synthgen.pipeline import Pipeline, prepare
from synthgen.protocols import Teacher
from synthgen.records import Record
from synthgen.spending import Budget
from synthgen.teachers.procedural import Procedural

ATTEMPTS = 8
"""How many attempts are walked for the numbers."""


@dataclass(slots=True)
class Asked:
    """What one teacher was asked for. `most` is the sum of `max_tokens`, None where a request sets none."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    most: int | None = 0

    def add(self, request: Request, completion: Completion) -> None:
        """Counts one request and its reply."""
        self.requests += 1
        self.prompt_tokens += completion.usage.prompt_tokens
        self.completion_tokens += completion.usage.completion_tokens
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


class _StandIn:
    """Has all that a teacher has, and another's replies."""

    def __init__(self, teacher: Teacher, reply: Callable[[Request], Awaitable[Completion]]) -> None:
        self.model = teacher.model
        self.sampling = teacher.sampling
        self._teacher = teacher
        self._reply = reply

    def __getattr__(self, name: str) -> Any:
        return getattr(self._teacher, name)

    async def complete(self, request: Request) -> Completion:
        return await self._reply(request)


class _Taken(TeacherError):
    """The first request has been taken down."""


def first_request(pipeline: Pipeline) -> tuple[str, Request] | None:
    """The first request and the name of the teacher that gets it; None where the first attempt asks nothing.

    Raises:
        SynthgenError: a part cannot do its work on the first attempt: a template lacks a variable, a filter raises.
    """
    taken: list[tuple[str, Request]] = []

    def taking(name: str) -> Callable[[Request], Awaitable[Completion]]:
        async def take(request: Request) -> Completion:
            taken.append((name, request))
            raise _Taken("taken")

        return take

    teachers = {name: _StandIn(teacher, taking(name)) for name, teacher in pipeline.teachers.items()}
    try:
        _walk(replace(pipeline, teachers=teachers, max_attempts=1))
    except _Taken:
        return taken[0]
    return None


def walk(pipeline: Pipeline) -> Walk | None:
    """What a few attempts come to with the procedural teacher in place of all others, or None where it cannot do them.

    Two of these on one pipeline come to the same.
    """
    programs, asked = Procedural(flaws=0), {name: Asked() for name in pipeline.teachers}

    def answering(name: str) -> Callable[[Request], Awaitable[Completion]]:
        async def answer(request: Request) -> Completion:
            completion = await programs.complete(request)
            asked[name].add(request, completion)
            return completion

        return answer

    teachers = {name: _StandIn(teacher, answering(name)) for name, teacher in pipeline.teachers.items()}
    try:
        done = _walk(replace(pipeline, teachers=teachers, max_attempts=ATTEMPTS))
    except StageError:
        return None  # a stage of the user's own that cannot read what programs write
    done.asked = asked
    return done if done.generated else None


def _walk(pipeline: Pipeline) -> Walk:
    """Runs the attempts against a journal that is thrown away."""
    alone = replace(pipeline, target=None, window=1, concurrency=1, budget=Budget(), barren_attempts=ATTEMPTS + 1)
    done = Walk()

    async def attempts(folder: Path) -> None:
        prepare(alone)
        with Journal(folder / "journal.sqlite") as journal:
            await Engine(alone, Asker(alone.teachers, journal, concurrency=1), done).run()

    with tempfile.TemporaryDirectory(prefix="synthgen-check-") as temporary:
        run_async(attempts(Path(temporary)))
    return done
