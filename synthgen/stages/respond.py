"""The stage that answers records which have no output yet."""

from __future__ import annotations

import asyncio

from synthgen.forms.reply_problems import choices_of
from synthgen.prompting.answering import Answering
from synthgen.protocols import Context
from synthgen.records import Record, answered_by_call


class Respond(Answering):
    """Asks for the answer to each record without one; what the model thinks to itself goes into `reasoning`.

    The teacher is asked as a user would ask: system, history and the task, no prompt around it. `prompt` names a
    template that gets `instruction`, `input` and `reply` and takes the place of the last turn. `reasoning: true` asks
    for the steps apart from the answer, as JSON. Drops: `truncated` (the partial answer is kept in the record),
    `malformed`, `empty_reply`, `refused` (as the API says it; the filter `refusal` reads texts), `tool_call`,
    `context_length`, `bad_request`, `server_error`, `timeout`.
    """

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with an output or dropped."""
        return await asyncio.gather(*(self._respond(record, ctx) for record in records))

    async def _respond(self, record: Record, ctx: Context) -> Record:
        if record.output is not None or answered_by_call(record):
            return record
        completion = await self.ask_task(record, ctx)
        record = record.replace(provenance=self.credit(record, completion))
        return self.answered(record, choices_of(completion)[0], completion)
