"""The stage that answers a task several times and keeps the answer that most agree on."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthgen.forms.reply_problems import choices_of, detail, why_unusable
from synthgen.protocols import Context, Stage
from synthgen.records import Answer, Drop, Record, answered_by_call, to_messages
from synthgen.requests.request import Sampling, written_by
from synthgen.text import normalize


class Majority(Stage, BaseModel):
    """Self-consistency (arXiv:2203.11171) where no program can verify: `votes` answers, of which `least` must agree.

    Answers agree where they are equal but for case and white space. The commonest becomes the output, in the form that
    came first; an output that the record had is one more vote with `own: true`. All votes go into `answers`, each with
    its share as the score. A model that is wrong in the same way each time is not found out. Where no answer can be
    used, all are asked for again, `tries` times in all. Drops: `no_majority`, `truncated`, `empty_reply`, `refused`,
    `context_length`, `bad_request`, `server_error`, `timeout`.
    """

    model_config = ConfigDict(extra="forbid")

    teacher: str = "teacher"
    votes: int = Field(5, ge=1)
    least: int = Field(4, ge=1)
    own: bool = False
    tries: int = Field(3, ge=1)
    sampling: Sampling = Sampling(temperature=0.7, max_tokens=512)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.least > self.votes + self.own:
            raise ValueError(f"least: {self.least} of {self.votes + self.own} answers cannot agree")
        return self

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with the answer that most agree on, or dropped."""
        return await asyncio.gather(*(self._vote(record, ctx) for record in records))

    async def _vote(self, record: Record, ctx: Context) -> Record:
        if answered_by_call(record):
            return record  # the answer is the call, of which there is no other text
        completion = await ctx.ask(
            to_messages(record.replace(output=None)),
            sampling=self.sampling.model_copy(update={"n": self.votes if self.votes > 1 else None}),
            teacher=self.teacher,
            tries=self.tries,
        )
        # an answer that is cut or refused is no vote
        texts = [(c.text or "").strip() for c in choices_of(completion) if why_unusable(c) is None]
        reason = None if texts else why_unusable(choices_of(completion)[0])
        if self.own and record.output is not None:
            texts.insert(0, record.output.strip())
        forms: dict[str, str] = {}
        for text in texts:
            if text:
                forms.setdefault(normalize(text), text)
        counts = Counter(normalize(text) for text in texts if text)
        asked = self.votes + (self.own and record.output is not None)
        votes = tuple(Answer(text=forms[key], score=count / asked) for key, count in counts.most_common())
        provenance = record.provenance.model_copy(
            update={
                "requests": (*record.provenance.requests, *completion.keys),
                "model": written_by(completion.model, "") or None,
            }
        )
        record = record.replace(answers=votes, provenance=provenance)
        if reason is not None:
            return record.dropped(reason, detail=detail(reason, completion))
        best, agreed = counts.most_common(1)[0] if counts else ("", 0)
        if agreed < self.least:
            return record.dropped(Drop("no_majority", score=agreed, limit=self.least))
        return record.replace(output=forms[best])
