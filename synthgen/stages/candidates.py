"""The stage that gives a task several answers, for a judge to choose from."""

from __future__ import annotations

import asyncio

from pydantic import Field

from synthgen.forms.reply_problems import choices_of
from synthgen.prompting.answering import Answering
from synthgen.protocols import Context
from synthgen.records import Answer, Record, answered_by_call


class Candidates(Answering):
    """Puts up to `count` different answers to each task into its `answers`, without scores: `judge` gives those.

    Answers that are cut, empty or refused are left out. An output that the record had is left as it is and not among
    them. Drops, where no answer can be used: those of `respond`.
    """

    count: int = Field(4, ge=2)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with answers or dropped."""
        return await asyncio.gather(*(self._answer(record, ctx) for record in records))

    async def _answer(self, record: Record, ctx: Context) -> Record:
        if answered_by_call(record):
            return record  # the answer is the call, of which there is no other text
        task = record.replace(output=None)
        completion = await self.ask_task(task, ctx, count=self.count, sample=ctx.round)
        record = record.replace(provenance=self.credit(record, completion))
        made = [self.answered(task, choice, completion) for choice in choices_of(completion)]
        whole = dict.fromkeys(answer.output for answer in made if answer.drop is None and answer.output)
        if not whole:
            return record.replace(drop=made[0].drop)
        return record.replace(answers=tuple(Answer(text=text, model=self.model_of(completion)) for text in whole))
