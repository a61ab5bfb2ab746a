"""Stages that have answers judged, and choose the best of several."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen.forms import JsonForm, asking
from synthgen.forms.reply_problems import choices_of
from synthgen.forms.structured import score_form
from synthgen.prompting.stage import Prompted, read_choice
from synthgen.protocols import Context, Preparation, Stage
from synthgen.records import Answer, Record
from synthgen.requests.request import Completion


class Judge(Prompted):
    """Scores each of a record's `answers`, or its output where it has none, with 0 to `highest` points.

    The score is the mean of `votes` judgements, which is kept in the answer; the best one's (or the output's) is also
    the record's score `judge`. The template gets `instruction`, `input`, `answer`, `highest` and `reply`; the shipped
    one adds up points for five demands, as in Self-Rewarding (arXiv:2401.10020), in words of its own.

    A judgement that cannot be read is missing and never a default: it counts in the score `judge_unread`, and an answer
    without any judgement has no score. The judge's own words are in the journal. Scores of judges rise with the length
    of an answer; compare with `longest_k`. Drops: `unjudged` (no answer has a score), `judged_low` (the best is below
    `least`), `unanswered`.
    """

    prompt_settings: ClassVar[tuple[str, ...]] = ("prompt",)

    prompt: str = "judge/additive"
    votes: int = Field(3, ge=1)
    highest: int = Field(5, ge=1)
    least: float | None = Field(None, ge=0)

    _form: JsonForm = PrivateAttr()

    def prepare(self, preparation: Preparation) -> None:
        """Takes the renderer and the teacher.

        Raises:
            ConfigError: there is no teacher of this name.
        """
        super().prepare(preparation)
        self._form = score_form(self.highest)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with scores or dropped."""
        return await asyncio.gather(*(self._judge(record, ctx) for record in records))

    async def _judge(self, record: Record, ctx: Context) -> Record:
        texts = [answer.text for answer in record.answers] or ([record.output] if record.output else [])
        if not texts:
            return record.dropped("unanswered")
        completions = await asyncio.gather(*(self._ask(record, text, ctx) for text in texts))
        votes = [self._points(completion) for completion in completions]
        means = [sum(points) / len(points) if points else None for points in votes]
        requests = (*record.provenance.requests, *chain.from_iterable(completion.keys for completion in completions))
        record = record.replace(
            provenance=record.provenance.model_copy(update={"requests": requests}),
            answers=_scored(record.answers, means),
        )
        unread = self.votes * len(texts) - sum(map(len, votes))
        if unread:
            record = record.scored(judge_unread=unread)
        scores = [mean for mean in means if mean is not None]
        if not scores:
            return record.dropped("unjudged", score=unread, detail=f"none of {unread} judgements could be read")
        record = record.scored(judge=max(scores))
        if self.least is not None and max(scores) < self.least:
            return record.dropped("judged_low", score=max(scores), limit=self.least)
        return record

    async def _ask(self, record: Record, answer: str, ctx: Context) -> Completion:
        prompt = self._render(
            self.prompt,
            instruction=record.instruction,
            input=record.input,
            answer=answer,
            highest=self.highest,
            reply=asking(self._form),
        )
        return await self.ask_for(self._form, prompt, ctx, count=self.votes)

    def _points(self, completion: Completion) -> list[int]:
        """The points of the judgements that can be read."""
        parsed = [read_choice(self._form, choice) for choice in choices_of(completion)]
        return [int(judgement.items[-1]["score"]) for judgement in parsed if judgement.items]


def _scored(answers: Sequence[Answer], means: Sequence[float | None]) -> tuple[Answer, ...]:
    return tuple(a.model_copy(update={"score": mean}) for a, mean in zip(answers, means, strict=False))


class Rank(Stage, BaseModel):
    """Leaves of the scored `answers` the best and the worst, in this order; the best becomes the output.

    Those are the chosen and the rejected answer of preference training; of equal scores the earlier answer counts.
    Drops `no_preference` where fewer than two answers have a score, or the two lie no more than `gap` apart.
    """

    model_config = ConfigDict(extra="forbid")

    gap: float = Field(0.0, ge=0)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with two answers or dropped."""
        return [self._pair(record) for record in records]

    def _pair(self, record: Record) -> Record:
        scored = [(answer.score, answer) for answer in record.answers if answer.score is not None]
        if len(scored) < 2:
            detail = f"{len(scored)} of {len(record.answers)} answers have a score"
            return record.dropped("no_preference", detail=detail)
        high, best = max(scored, key=lambda pair: pair[0])
        low, worst = min(scored, key=lambda pair: pair[0])
        if high - low <= self.gap:
            return record.dropped("no_preference", score=high - low, limit=self.gap)
        return record.replace(answers=(best, worst), output=best.text, reasoning=None)
