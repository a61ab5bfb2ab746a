"""The stage that answers records which have no output yet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.forms import ANSWER, asking, split_reasoning
from synthgen.protocols import Choice, Completion, Context, api_of
from synthgen.records import Record, to_messages
from synthgen.stages.prompted import Prompted, read_choice, why_dropped
from synthgen.unusable import choices_of, detail, why_again, why_unusable

REASONING_PROMPT = "respond/reasoning"


class Respond(Prompted):
    """Asks for the answer to each record without an output; what the model thinks to itself goes into `reasoning`.

    The teacher is asked as a user would ask: system, history and the task, no prompt around it. `prompt` names a
    template that gets `instruction`, `input` and `reply` and takes the place of the last turn. `reasoning: true` asks
    for the steps apart from the answer, as JSON. Drops: `truncated` (the partial answer is kept in the record),
    `malformed`, `empty_reply`, `refused` (as the API says it; the filter `refusal` reads texts), `tool_call`,
    `context_length`, `server_error`, `timeout`.
    """

    prompt: str | None = None
    reasoning: bool = False

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with an output or dropped."""
        return await asyncio.gather(*(self._respond(record, ctx) for record in records))

    async def _respond(self, record: Record, ctx: Context) -> Record:
        if record.output is not None:
            return record
        messages = self._messages(record)
        if self.reasoning:
            completion = await self.ask_for(ANSWER, messages, ctx)
        else:
            completion = await ctx.ask(
                messages,
                sampling=self.sampling,
                tools=record.tools,
                api=self.api,
                teacher=self.teacher,
                check=lambda completion: why_again(completion, _fault),
                tries=self.tries,
            )
        record = record.replace(provenance=self.credit(record, completion))
        return self._structured(record, completion) if self.reasoning else _answered(record, completion)

    def _messages(self, record: Record) -> str | Sequence[Mapping[str, Any]]:
        messages = to_messages(record)
        prompt = self.prompt or (REASONING_PROMPT if self.reasoning else None)
        if prompt is not None:
            text = self._render(
                prompt,
                instruction=record.instruction,
                input=record.input,
                reply=asking(ANSWER) if self.reasoning else "",
            )
            messages[-1] = {"role": "user", "content": text}
        if (self.api or api_of(self._asked)) == "completions":  # a base model reads one text
            return "\n\n".join(str(message["content"]) for message in messages)
        return messages

    def _structured(self, record: Record, completion: Completion) -> Record:
        choice = choices_of(completion)[0]
        parsed = read_choice(ANSWER, choice)
        if not parsed.items:
            piece = parsed.broken[-1]
            return record.replace(output=piece.text).dropped(
                piece.reason, detail=why_dropped(piece, parsed, completion)
            )
        item = parsed.items[-1]
        return record.replace(output=item["answer"].strip(), reasoning=item["reasoning"].strip() or choice.reasoning)


def _answered(record: Record, completion: Completion) -> Record:
    choice = choices_of(completion)[0]
    thought, shown = split_reasoning(choice.text or "")
    record = record.replace(output=shown.strip(), reasoning=choice.reasoning or thought)
    reason = _fault(choice)
    return record if reason is None else record.dropped(reason, detail=detail(reason, completion))


def _fault(choice: Choice) -> str | None:
    """Why a choice is no answer; one that calls a tool, or only thinks, is none either."""
    shown = split_reasoning(choice.text or "")[1].strip()
    if choice.tool_calls and not shown:
        return "tool_call"
    return why_unusable(choice) or (None if shown else "empty_reply")
