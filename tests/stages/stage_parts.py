from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from synthgen.engine.asking import Asker
from synthgen.engine.attempt import Attempt
from synthgen.engine.pipeline import Pipeline, prepare
from synthgen.journal.journal import Journal
from synthgen.prompting.templates import Renderer
from synthgen.protocols import Draw, Source, Teacher
from synthgen.records import Record
from synthgen.requests.request import Choice, Completion, Request, Sampling


class Scripted(Teacher):
    """Answers with what the script gives for a request: a text, a choice, or a completion."""

    def __init__(self, script: Callable[[Request], Any] | str | Choice, *, structured: bool | None = None) -> None:
        self.script = script
        self.structured = structured
        self.model = "scripted-1"
        self.sampling: Sampling | None = None
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        reply = self.script(request) if callable(self.script) else self.script
        if isinstance(reply, str):
            reply = Choice(reply)
        return reply if isinstance(reply, Completion) else Completion((reply,))

    @property
    def prompts(self) -> list[str]:
        return [str(request.messages[-1]["content"]) for request in self.requests]


class NoSource(Source):
    reads_pool = False
    seeds: Sequence[Record] = ()

    def draw(self, *_: object) -> None:
        return None


Walk = Callable[..., list[Record]]


@pytest.fixture
def walk(tmp_path: Path) -> Walk:
    """Takes records through one stage in a real attempt, against a real journal: what comes out, dropped ones last."""

    def go(
        stage: Any,
        teacher: Teacher,
        records: Sequence[Record] = (),
        demonstrations: Sequence[Record] = (),
        attempt: int = 0,
    ) -> list[Record]:
        async def body() -> list[Record]:
            with Journal(tmp_path / "journal.sqlite") as journal:
                stages = (("stage", stage),)
                teachers = {"teacher": teacher}
                pipeline = Pipeline("test", NoSource(), stages, teachers, render=Renderer().render)
                prepare(pipeline)
                asker = Asker(pipeline.teachers, journal)
                walked = Attempt(pipeline, asker, attempt, Draw(tuple(demonstrations), tuple(records)))
                walked.stage = "stage"
                before = {record.id for record in walked.alive}
                walked.take(await stage.run(list(walked.alive), walked.context()), before)
                return walked.alive + walked.dropped

        return asyncio.run(body())

    return go
